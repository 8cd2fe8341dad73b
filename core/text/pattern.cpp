// Patterns and split behaviours; see pattern.h.
#include "core/text/pattern.h"

#include <octet/error.h>

#include <algorithm>

namespace octet::text {

Regex read_pattern(const JsonPart& part) {
  const JsonPart pattern = part.at("pattern");
  if (pattern.has("String")) {
    return Regex::literal(pattern.text("String"));
  }
  const std::string regex = pattern.text("Regex");
  try {
    return Regex(regex);
  } catch (const Error& error) {
    pattern.fail(error.message());
  }
}

SplitBehavior read_behavior(const JsonPart& part, const std::string& key) {
  const std::string name = part.text_or(key, "Isolated");
  if (name == "Removed") {
    return SplitBehavior::removed;
  }
  if (name == "Isolated") {
    return SplitBehavior::isolated;
  }
  if (name == "MergedWithPrevious") {
    return SplitBehavior::merged_with_previous;
  }
  if (name == "MergedWithNext") {
    return SplitBehavior::merged_with_next;
  }
  if (name == "Contiguous") {
    return SplitBehavior::contiguous;
  }
  part.at(key).fail(
      "\"" + name +
      "\" is not a behavior (Removed, Isolated, MergedWithPrevious, "
      "MergedWithNext or Contiguous)");
}

void cover(
    std::string_view text,
    const std::vector<Match>& matches,
    bool invert,
    std::vector<Stretch>& out) {
  out.clear();
  size_t end = 0;
  for (const Match& match : matches) {
    if (match.begin != end) {
      out.push_back({end, match.begin, invert});
    }
    out.push_back({match.begin, match.end, !invert});
    end = match.end;
  }
  if (end != text.size()) {
    out.push_back({end, text.size(), invert});
  }
}

namespace {

/// Joins each stretch for which `joins(previous_matched, matched)` holds to
/// the one before it in the order of `stretches`.
template <typename Joins>
void join(std::vector<Stretch>& stretches, const Joins& joins) {
  size_t kept = 0;
  bool previous = false;
  for (const Stretch stretch : stretches) {
    if (kept > 0 && joins(previous, stretch.matched)) {
      Stretch& last = stretches[kept - 1];
      last.begin = std::min(last.begin, stretch.begin);
      last.end = std::max(last.end, stretch.end);
    } else {
      stretches[kept++] = stretch;
    }
    previous = stretch.matched;
  }
  stretches.resize(kept);
}

} // namespace

void apply_behavior(SplitBehavior behavior, std::vector<Stretch>& stretches) {
  const auto match_after_gap = [](bool previous, bool matched) {
    return matched && !previous;
  };
  switch (behavior) {
    case SplitBehavior::isolated:
      return;
    case SplitBehavior::removed:
      stretches.erase(
          std::remove_if(
              stretches.begin(),
              stretches.end(),
              [](const Stretch& stretch) { return stretch.matched; }),
          stretches.end());
      return;
    case SplitBehavior::contiguous:
      join(stretches, [](bool previous, bool matched) {
        return previous == matched;
      });
      return;
    case SplitBehavior::merged_with_previous:
      join(stretches, match_after_gap);
      return;
    case SplitBehavior::merged_with_next:
      std::reverse(stretches.begin(), stretches.end());
      join(stretches, match_after_gap);
      std::reverse(stretches.begin(), stretches.end());
      return;
  }
}

} // namespace octet::text
