#include "core/ops/op_table.h"
