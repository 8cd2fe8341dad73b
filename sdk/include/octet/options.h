// A plugin's options as the host hands them over: checked against the
// manifest, with every default filled in.
#pragma once

#include <octet/error.h>
#include <octet/plugin.h>

#include <cstring>
#include <string>
#include <vector>

namespace octet {

/// A typed view of OctetOptions. Every key of the manifest is there, so a
/// missing key or a wrong type is a mistake of the plugin: it throws Error.
class Options {
 public:
  /// @param options outlives this view
  explicit Options(const OctetOptions* options) : options_(options) {}

  /// @{ The value of an option of that type. @throws Error without one
  bool boolean(const char* key) const {
    return find(key, OCTET_OPTION_BOOLEAN).integer != 0;
  }
  int64_t integer(const char* key) const {
    return find(key, OCTET_OPTION_INTEGER).integer;
  }
  double real(const char* key) const {
    return find(key, OCTET_OPTION_REAL).real;
  }
  std::string string(const char* key) const {
    return find(key, OCTET_OPTION_STRING).string;
  }
  std::vector<std::string> strings(const char* key) const {
    const OctetOption& option = find(key, OCTET_OPTION_STRINGS);
    return {option.strings, option.strings + option.string_count};
  }
  /// @}

 private:
  const OctetOption& find(const char* key, OctetOptionType type) const {
    for (uint32_t i = 0; i < options_->count; ++i) {
      const OctetOption& option = options_->items[i];
      if (std::strcmp(option.key, key) == 0 && option.type == type) {
        return option;
      }
    }
    throw Error(
        "sdk",
        std::string("expected option ") + key +
            " of the asked type in the manifest, found none");
  }

  const OctetOptions* options_;
};

} // namespace octet
