// The host's build fingerprint and its comparison with a plugin's. Only the
// preprocessor sees a LibTorch header here: this library does not link it.
#include "core/plugin/inspect.h"

#include <octet/fingerprint.h>

#include <map>

namespace octet {

namespace {

std::map<std::string, std::string> parse_lines(std::string_view text) {
  std::map<std::string, std::string> values;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    const size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      values[std::string(line.substr(0, equals))] =
          std::string(line.substr(equals + 1));
    }
    text = end == std::string_view::npos ? "" : text.substr(end + 1);
  }
  return values;
}

std::string title(const std::string& key) {
  static const std::map<std::string, std::string> kTitles = {
      {"platform", "platform"},
      {"libtorch", "LibTorch"},
      {"stdlib", "C++ library"},
      {"cxx11_abi", "CXX11 ABI"},
      {"cuda", "CUDA"},
      {"sanitizers", "sanitizers"},
      {"sdk_abi", "SDK ABI"}};
  const auto found = kTitles.find(key);
  return found == kTitles.end() ? printable(key) : found->second;
}

} // namespace

std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text.substr(0, 80)) {
    out += c >= 0x20 && c < 0x7f ? c : '?';
  }
  return out;
}

std::string_view host_fingerprint() {
  return OCTET_FINGERPRINT;
}

std::vector<std::string> fingerprint_differences(
    std::string_view plugin,
    std::string_view host) {
  const auto theirs = parse_lines(plugin);
  const auto ours = parse_lines(host);
  std::vector<std::string> differences;
  for (const auto& [key, value] : ours) {
    const auto found = theirs.find(key);
    if (found == theirs.end()) {
      differences.push_back(
          "does not say its " + title(key) + "; this trainer has " + value);
    } else if (found->second != value) {
      differences.push_back(
          "built for " + title(key) + " " + printable(found->second) +
          ", this trainer has " + value);
    }
  }
  for (const auto& [key, value] : theirs) {
    if (ours.count(key) == 0) {
      differences.push_back(
          "asks for " + title(key) + " " + printable(value) +
          ", which this trainer does not know");
    }
  }
  return differences;
}

} // namespace octet
