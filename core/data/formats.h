// The formats that records are written in: alpaca, sharegpt, OpenAI messages,
// plain text. docs/data.md describes them for users.
#pragma once

#include "core/config/run_config.h"
#include "core/data/record.h"
#include "core/data/record_file.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <string>
#include <string_view>

namespace octet {

class RecordFormat {
 public:
  /// Settles format auto by the keys of the first record that is an object,
  /// and the names of the columns.
  /// @param stage sft wants chats, pt wants text
  /// @throws Failure(input) when no format fits, Failure(usage) for a format
  /// or column name that does not exist
  RecordFormat(
      const DataSetConfig& set,
      const std::string& stage,
      const RecordFile& file);

  /// alpaca, sharegpt, messages or text
  const std::string& name() const {
    return name_;
  }
  /// @throws BadRecord
  Record read(std::string_view bytes) const;

 private:
  Record read_alpaca(const nlohmann::json& object) const;
  Record read_chat(const nlohmann::json& object) const;
  Record read_text(const nlohmann::json& object) const;
  Role role_of(const std::string& tag) const;
  const std::string& column(const std::string& name) const {
    return columns_.at(name);
  }

  std::string name_;
  bool plain_file_ = false;
  std::map<std::string, std::string> columns_;
};

} // namespace octet
