// The table of newer code points; see unicode_newer.h.
#include "core/text/unicode_newer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace octet::text {

namespace {

struct NewerRange {
  char32_t first;
  char32_t last;
  std::string_view property;
};

constexpr NewerRange kNewer[] = {
#include "core/text/unicode_newer.inc"
};

} // namespace

std::string newer_code_points(std::string_view property) {
  std::string out;
  for (const NewerRange& range : kNewer) {
    const bool in_group = property.size() == 1 && range.property != "Han" &&
        range.property[0] == property[0];
    if (range.property == property || in_group) {
      out += fmt::format(
          "\\x{{{:X}}}-\\x{{{:X}}}",
          static_cast<uint32_t>(range.first),
          static_cast<uint32_t>(range.last));
    }
  }
  return out;
}

std::string_view newer_category(char32_t c) {
  const auto after = std::upper_bound(
      std::begin(kNewer),
      std::end(kNewer),
      c,
      [](char32_t value, const NewerRange& range) {
        return value < range.first;
      });
  // A code point may stand in two ranges: one of Han and one of its category.
  auto range = after;
  for (int back = 0; back < 2 && range != std::begin(kNewer); ++back) {
    --range;
    if (range->property != "Han" && c <= range->last) {
      return range->property;
    }
  }
  return "";
}

} // namespace octet::text
