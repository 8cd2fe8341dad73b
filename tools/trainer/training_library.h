// liboctet_train.so, opened when a command needs tensors: starting LibTorch
// takes most of the program's start, and help or a config error need none.
#pragma once

#include "core/train/train_library.h"

namespace octet {

/// Opens ../lib/octet/liboctet_train.so beside this program, once; it stays
/// open.
/// @throws Failure(failed) with the file and the loader's message
const TrainLibrary& training_library();

} // namespace octet
