// Collects problems so that all of them are told at once, and finds the
// nearest known name for a typo.
#pragma once

#include <octet/error.h>

#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// What the program's exit status says; documented in docs/cli.md.
enum class ExitCode {
  success = 0,
  failed = 1, ///< a run stopped with an error
  usage = 2, ///< the command line or run.toml is wrong
  resolution = 3, ///< plugins or the plan do not fit what was asked
  input = 4, ///< a model, tokenizer or data file is wrong
  numeric = 5, ///< NaN or infinite loss or gradient norm
  interrupted = 130 ///< stopped by a signal; the state was saved
};

/// An Error that knows which exit status it deserves.
class __attribute__((visibility("default"))) Failure : public Error {
 public:
  Failure(ExitCode code, std::string component, const std::string& message)
      : Error(std::move(component), message), code_(code) {}
  ExitCode code() const {
    return code_;
  }

 private:
  ExitCode code_;
};

/// Problems found so far; `raise` throws one Failure that lists them all.
class Problems {
 public:
  void add(std::string text) {
    items_.push_back(std::move(text));
  }
  bool empty() const {
    return items_.empty();
  }
  const std::vector<std::string>& items() const {
    return items_;
  }
  /// Does nothing when there are none. One problem: "[component] text"; more:
  /// "[component] title:" and a list.
  /// @throws Failure
  void raise(
      ExitCode code,
      const std::string& component,
      const std::string& title) const;

 private:
  std::vector<std::string> items_;
};

/// Number of single-character edits (insert, delete, replace, swap of
/// neighbours) between two strings.
size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `name`, or "" when none is near enough to be meant.
std::string nearest_name(
    std::string_view name,
    const std::vector<std::string>& candidates);

/// "a, b and c".
std::string join_names(const std::vector<std::string>& names);

} // namespace octet
