// Compares part by part; see the header.
#include "core/plugin/version.h"

#include <algorithm>

namespace octet {

namespace {

std::string_view take_part(std::string_view& text, char border) {
  const size_t end = text.find(border);
  const std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? "" : text.substr(end + 1);
  return part;
}

bool is_number(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// Any number of digits, zeros in front without meaning.
int compare_numbers(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) {
    return a.size() < b.size() ? -1 : 1;
  }
  return a.compare(b);
}

int compare_parts(std::string_view a, std::string_view b) {
  const bool number_a = is_number(a), number_b = is_number(b);
  if (number_a && number_b) {
    return compare_numbers(a, b);
  }
  // A number comes before a word.
  return number_a != number_b ? (number_a ? -1 : 1) : a.compare(b);
}

int compare_lists(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    const int order = compare_parts(take_part(a, '.'), take_part(b, '.'));
    if (order != 0) {
      return order;
    }
  }
  // The longer list comes after.
  return a.empty() == b.empty() ? 0 : a.empty() ? -1 : 1;
}

} // namespace

int compare_versions(std::string_view a, std::string_view b) {
  std::string_view rest_a = a, rest_b = b;
  const std::string_view release_a = take_part(rest_a, '-');
  const std::string_view release_b = take_part(rest_b, '-');
  const int order = compare_lists(release_a, release_b);
  if (order != 0 || rest_a.empty() || rest_b.empty()) {
    // A pre-release comes before its release.
    return order != 0                      ? order
        : rest_a.empty() == rest_b.empty() ? 0
        : rest_a.empty()                   ? 1
                                           : -1;
  }
  return compare_lists(rest_a, rest_b);
}

} // namespace octet
