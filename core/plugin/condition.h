// The condition of a relation (`when`): clauses joined by "and", each comparing
// the training stage or an option of the manifest's own plugin with a value:
//
//   when = 'recipe == "rowwise" and stage != "pt"'
#pragma once

#include "core/plugin/manifest.h"

#include <string>
#include <vector>

namespace octet {

struct ConditionClause {
  /// "stage" or the name of an option.
  std::string key;
  /// False for !=.
  bool equal = true;
  std::variant<bool, int64_t, double, std::string, std::vector<std::string>>
      value;
};

/// All clauses must hold; none means always.
using Condition = std::vector<ConditionClause>;

/// @throws Failure(resolution) saying which part was not understood
Condition parse_condition(const std::string& text);

/// @throws Failure(resolution) for a key that is neither "stage" nor an option
/// of `manifest`, and for a value that the option can never have
void check_condition(const Condition& condition, const Manifest& manifest);

/// @param options complete (see check_options)
bool holds(
    const Condition& condition,
    const OptionTable& options,
    const std::string& stage);

} // namespace octet
