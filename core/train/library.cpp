// The one symbol through which the program calls this library.
#include "core/train/entries.h"

extern "C" const octet::TrainLibrary octet_train_library = {
    &octet::train,
    &octet::generate,
    &octet::merge,
    &octet::examine_device};
