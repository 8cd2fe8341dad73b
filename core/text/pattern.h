// The "pattern" of Split and Replace: {"String": ..} or {"Regex": ..}, and the
// five ways to split at its matches.
#pragma once

#include "core/text/json_part.h"
#include "core/text/regex.h"

#include <string_view>
#include <vector>

namespace octet::text {

/// @throws Failure(input) when the pattern is missing or cannot run
Regex read_pattern(const JsonPart& part);

enum class SplitBehavior {
  removed,
  isolated,
  merged_with_previous,
  merged_with_next,
  contiguous
};

/// @throws Failure(input) on an unknown name
SplitBehavior read_behavior(const JsonPart& part, const std::string& key);

/// A stretch of the text, and whether the pattern matched it.
struct Stretch {
  size_t begin;
  size_t end;
  bool matched;
};

/// Matches and the gaps between them, in order, covering the text.
void cover(
    std::string_view text,
    const std::vector<Match>& matches,
    bool invert,
    std::vector<Stretch>& out);

/// Joins or drops stretches in place.
void apply_behavior(SplitBehavior behavior, std::vector<Stretch>& stretches);

} // namespace octet::text
