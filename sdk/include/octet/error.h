// The exception of Octet and of its plugins.
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace octet {

/// An error with the place it comes from, written as
/// "[component] what was expected, what was found; what to do".
///
/// Default visibility, so that host and plugins see one type.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  /// @param component who complains: a part of Octet, or the plugin's name
  /// @param message "what was expected, what was found; what to do"
  Error(std::string component, const std::string& message)
      : std::runtime_error("[" + component + "] " + message),
        component_(std::move(component)),
        message_(message) {}

  /// @returns who complains: "config", "safetensors", a plugin's name
  const std::string& component() const {
    return component_;
  }

  /// @returns the text without the component
  const std::string& message() const {
    return message_;
  }

 private:
  std::string component_;
  std::string message_;
};

} // namespace octet
