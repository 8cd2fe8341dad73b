// Problems of one file, told with its name.
#pragma once

#include "core/base/problems.h"

#include <string>

namespace octet {

/// Throws what was found: "title: text" for one problem, "title:" and a list
/// for more. Does nothing when there are none.
/// @throws Failure(input)
inline void raise_about(
    const Problems& problems,
    const std::string& component,
    const std::string& title) {
  if (problems.items().size() == 1) {
    throw Failure(
        ExitCode::input, component, title + ": " + problems.items().front());
  }
  problems.raise(ExitCode::input, component, title);
}

} // namespace octet
