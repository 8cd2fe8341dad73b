// The difference between a checkpoint and a spec, as sentences.
#include "core/model/weight_check.h"

#include "core/base/problems.h"
#include "core/io/raise_about.h"
#include "core/io/stored_type.h"

#include <algorithm>

namespace octet {

namespace {

// One damaged layer is told in full, a wrong model in short.
constexpr size_t kMostListed = 12;

/// Tensors that some exporters add and no computation needs.
bool is_ignored(const std::string& name, const ModelSpec& spec) {
  return name.ends_with(".rotary_emb.inv_freq") ||
      (spec.tied_embeddings && name == "lm_head.weight");
}

void add_all(
    const std::vector<std::string>& texts,
    const std::string& what,
    Problems& problems) {
  for (size_t i = 0; i < std::min(texts.size(), kMostListed); ++i) {
    problems.add(texts[i]);
  }
  if (texts.size() > kMostListed) {
    problems.add(
        "and " + std::to_string(texts.size() - kMostListed) + " more " + what +
        " tensors");
  }
}

} // namespace

void check_weights(
    const ModelSpec& spec,
    const TensorShapes& found,
    const std::string& origin) {
  const TensorShapes expected = spec.tensors();
  std::vector<std::string> missing, unexpected, misshapen;
  std::vector<std::string> missing_names;
  for (const auto& [name, shape] : expected) {
    const auto tensor = found.find(name);
    if (tensor == found.end()) {
      missing.push_back("expected tensor " + name + ", found none");
      missing_names.push_back(name);
    } else if (tensor->second != shape) {
      misshapen.push_back(
          "expected shape " + shape_text(shape) + " of tensor " + name +
          ", found " + shape_text(tensor->second));
    }
  }
  for (const auto& [name, shape] : found) {
    if (expected.contains(name) || is_ignored(name, spec)) {
      continue;
    }
    const std::string nearest = unexpected.size() < kMostListed
        ? nearest_name(name, missing_names)
        : "";
    unexpected.push_back(
        "expected no tensor " + name + ", found one" +
        (nearest.empty() ? "" : "; was " + nearest + " meant?"));
  }
  Problems problems;
  add_all(missing, "missing", problems);
  add_all(misshapen, "misshapen", problems);
  add_all(unexpected, "unexpected", problems);
  raise_about(
      problems,
      "model",
      "the weights of " + origin + " are not those of its config (" +
          spec.architecture + ")");
}

} // namespace octet
