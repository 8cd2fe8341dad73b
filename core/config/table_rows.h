// What the files with the schema's rows share: how a row names the member that
// it fills, and the type of its default.
#pragma once

#include "core/config/schema.h"

// clang-format off
#define OCTET_RUN_SLOT(member) \
  [](const Target& target) -> Slot { return &target.run->member; }
#define OCTET_DATA_SET_SLOT(member) \
  [](const Target& target) -> Slot { return &target.data_set->member; }
#define OCTET_TEMPLATE_SLOT(member) \
  [](const Target& target) -> Slot { return &target.chat_template->member; }
// clang-format on

namespace octet {

inline KeyValue whole(int64_t value) {
  return value;
}

inline KeyValue text(const char* value) {
  return std::string(value);
}

// tables_watch.cpp
TableSpec watch_table();
// tables_data.cpp
TableSpec data_table();
TableSpec data_set_table();
TableSpec custom_template_table();
// tables_train.cpp
TableSpec train_table();
TableSpec eval_table();
TableSpec checkpoint_table();
TableSpec export_table();

} // namespace octet
