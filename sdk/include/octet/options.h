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

  /// @param key name in the manifest, whose type is "boolean"
  /// @returns the user's value, or the manifest's default
  /// @throws Error when the manifest has no boolean of that name
  bool boolean(const char* key) const {
    return find(key, OCTET_OPTION_BOOLEAN).integer != 0;
  }
  /// @param key name in the manifest, whose type is "integer"
  /// @returns a value within the manifest's minimum and maximum
  /// @throws Error when the manifest has no integer of that name
  int64_t integer(const char* key) const {
    return find(key, OCTET_OPTION_INTEGER).integer;
  }
  /// @param key name in the manifest, whose type is "real"
  /// @returns a value within the manifest's minimum and maximum, never NaN
  /// @throws Error when the manifest has no real of that name
  double real(const char* key) const {
    return find(key, OCTET_OPTION_REAL).real;
  }
  /// @param key name in the manifest, whose type is "string"
  /// @returns UTF-8; one of `one_of` where the manifest has that
  /// @throws Error when the manifest has no string of that name
  std::string string(const char* key) const {
    return find(key, OCTET_OPTION_STRING).string;
  }
  /// @param key name in the manifest, whose type is "strings"
  /// @returns any number of texts, each one of `one_of` where the manifest has
  /// that
  /// @throws Error when the manifest has no strings of that name
  std::vector<std::string> strings(const char* key) const {
    const OctetOption& option = find(key, OCTET_OPTION_STRINGS);
    return {option.strings, option.strings + option.string_count};
  }

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
