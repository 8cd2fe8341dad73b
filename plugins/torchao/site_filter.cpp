// The first reason counts: names, then alignment, then sizes.
#include "site_filter.h"

#include <algorithm>
#include <cctype>

namespace octet::torchao {
namespace {

constexpr const char* kNames[] = {"embed", "lm_head", "output", "classifier"};

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) {
    return static_cast<char>(std::tolower(c));
  });
  return text;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string name_reason(const Site& site, const Settings& settings) {
  const std::string name = lower(site.name);
  for (const char* part : kNames) {
    if (contains(name, part)) {
      return std::string("name contains ") + part;
    }
  }
  for (const std::string& part : settings.filter_fqns) {
    if (contains(site.name, part)) {
      return "name contains " + part + " of filter_fqns";
    }
  }
  return "";
}

std::string alignment_reason(const char* dimension, int64_t size) {
  return size % 16 == 0 ? ""
                        : std::string(dimension) + " = " +
          std::to_string(size) + " is not a multiple of 16";
}

/// Shapes at which FP8 did not win on an H100.
bool too_small(int64_t n, int64_t k, const std::string& recipe) {
  if (recipe == "tensorwise") {
    return k <= 4096 && n <= 1024;
  }
  return n <= 2048 || k <= 1024 || (n <= 4096 && k <= 2048);
}

} // namespace

std::string skip_reason(const Site& site, const Settings& settings) {
  if (site.kind != SiteKind::linear) {
    return "an embedding has no matrix product";
  }
  std::string reason = name_reason(site, settings);
  if (reason.empty()) {
    reason = alignment_reason("in_features", site.in_features);
  }
  if (reason.empty()) {
    reason = alignment_reason("out_features", site.out_features);
  }
  if (reason.empty() && settings.auto_filter_small &&
      too_small(site.out_features, site.in_features, settings.recipe.name)) {
    reason = std::to_string(site.out_features) + " x " +
        std::to_string(site.in_features) + " is too small to gain from " +
        settings.recipe.name;
  }
  return reason;
}

} // namespace octet::torchao
