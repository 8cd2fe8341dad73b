// The tables of differences between Unicode versions; see unicode_newer.h.
#include "core/text/unicode_newer.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <vector>

namespace octet::text {

namespace {

struct NamedRange {
  char32_t first;
  char32_t last;
  std::string_view name;
};

constexpr NamedRange kNewer[] = {
#include "core/text/unicode_newer.inc"
};

constexpr NamedRange kDifferences[] = {
#include "core/text/unicode_differences.inc"
};

struct LowercaseRange {
  char32_t first;
  char32_t last;
  int32_t move;
};

constexpr LowercaseRange kLowercase[] = {
#include "core/text/unicode_lowercase.inc"
};

constexpr std::array<std::string_view, 6> kExceptionNames = {
    "inert",
    "in punctuation",
    "not in punctuation",
    "in number",
    "in mark",
    "not in mark"};

using Ranges = std::vector<NamedRange>;

/// The range of a sorted list that holds `c`, or nullptr.
const NamedRange* find_range(const Ranges& ranges, char32_t c) {
  const auto after = std::upper_bound(
      ranges.begin(),
      ranges.end(),
      c,
      [](char32_t value, const NamedRange& range) {
        return value < range.first;
      });
  if (after == ranges.begin() || c > std::prev(after)->last) {
    return nullptr;
  }
  return &*std::prev(after);
}

template <typename Keep>
Ranges
select(const NamedRange* begin, const NamedRange* end, const Keep& keep) {
  Ranges out;
  std::copy_if(begin, end, std::back_inserter(out), keep);
  std::sort(
      out.begin(), out.end(), [](const NamedRange& a, const NamedRange& b) {
        return a.first < b.first;
      });
  return out;
}

} // namespace

std::string newer_code_points(std::string_view property) {
  std::string out;
  for (const NamedRange& range : kNewer) {
    const bool in_group = property.size() == 1 && range.name != "Han" &&
        range.name[0] == property[0];
    if (range.name == property || in_group) {
      out += fmt::format(
          "\\x{{{:X}}}-\\x{{{:X}}}",
          static_cast<uint32_t>(range.first),
          static_cast<uint32_t>(range.last));
    }
  }
  return out;
}

std::string_view newer_category(char32_t c) {
  static const Ranges categories =
      select(std::begin(kNewer), std::end(kNewer), [](const NamedRange& range) {
        return range.name != "Han";
      });
  const NamedRange* range = find_range(categories, c);
  return range ? range->name : std::string_view();
}

bool is_exception(Exception list, char32_t c) {
  static const auto lists = [] {
    std::array<Ranges, kExceptionNames.size()> made;
    for (size_t i = 0; i < made.size(); ++i) {
      made[i] = select(
          std::begin(kDifferences),
          std::end(kDifferences),
          [&](const NamedRange& range) {
            return range.name == kExceptionNames[i];
          });
    }
    return made;
  }();
  return find_range(lists[static_cast<size_t>(list)], c) != nullptr;
}

char32_t to_lowercase(char32_t c) {
  for (const LowercaseRange& range : kLowercase) {
    if (c >= range.first && c <= range.last) {
      return static_cast<char32_t>(static_cast<int32_t>(c) + range.move);
    }
  }
  return static_cast<char32_t>(
      utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
}

} // namespace octet::text
