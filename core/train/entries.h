// The entries of the library, each in a file of its own.
#pragma once

#include "core/train/train_library.h"

namespace octet {

ExitCode train(const TrainRequest& request);
ExitCode generate(const GenerateRequest& request, const Catalog& catalog);
ExitCode merge(const MergeRequest& request, const Catalog& catalog);
RunDevice examine_device(const RunDevice& device);

} // namespace octet
