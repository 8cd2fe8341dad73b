// Pairs of manifests; see the header.
#include "core/resolve/matrix.h"

#include "core/base/problems.h"
#include "core/plugin/words.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <stdexcept>

namespace octet {

namespace {

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

bool answers_to(const Manifest& manifest, const std::string& wanted) {
  return manifest.name == wanted || contains(manifest.provides, wanted);
}

std::string sentence(const std::string& text) {
  return text.empty() || text.back() == '.' ? text : text + ".";
}

void add(PairVerdict& pair, PairReason reason) {
  pair.verdict = std::max(pair.verdict, reason.verdict);
  pair.reasons.push_back(std::move(reason));
}

// What `self` declares about `other` alone; relations of more partners say
// nothing of a pair unless the one answers to all of them.
void add_relations(
    PairVerdict& pair,
    const Manifest& self,
    const Manifest& other) {
  for (const Relation& relation : self.relations) {
    const bool about_other = std::all_of(
        relation.with.begin(), relation.with.end(), [&](const auto& wanted) {
          return answers_to(other, wanted);
        });
    if (!about_other) {
      continue;
    }
    std::string text = sentence(relation.reason);
    if (!relation.way_out.empty()) {
      text += (text.empty() ? "" : " ") + sentence(relation.way_out);
    }
    if (!relation.after.empty()) {
      text += (text.empty() ? "" : " ") + self.name + " is applied after " +
          other.name + ".";
    }
    add(pair, {relation.verdict, text, relation.when});
  }
}

void add_storages(
    PairVerdict& pair,
    const Manifest& precision,
    const Manifest& feature) {
  if (precision.kind != PluginKind::precision ||
      feature.kind != PluginKind::feature) {
    return;
  }
  for (const std::string& storage : feature.stores) {
    if (!contains(precision.reads, storage)) {
      add(pair,
          {RelationVerdict::reject,
           feature.name + " stores " + storage + " weights, which " +
               precision.name + " does not read (it reads " +
               join_names(precision.reads) + ").",
           ""});
    }
  }
}

void add_claims(PairVerdict& pair, const Manifest& a, const Manifest& b) {
  for (const std::string& claim : a.claims) {
    if (claim == "adapter" || is_hook(claim) || !contains(b.claims, claim)) {
      continue;
    }
    add(pair,
        {RelationVerdict::reject,
         is_op(claim) ? "Both replace op " + claim.substr(3) + "."
                      : "Both fill the slot " + claim + ", and a site has one.",
         ""});
  }
}

PairVerdict pair_of(const Manifest& a, const Manifest& b) {
  PairVerdict pair;
  pair.first = a.name;
  pair.second = b.name;
  if (a.kind == PluginKind::precision && b.kind == PluginKind::precision) {
    pair.either_or = true;
    return pair;
  }
  add_relations(pair, a, b);
  add_relations(pair, b, a);
  add_storages(pair, a, b);
  add_storages(pair, b, a);
  add_claims(pair, a, b);
  pair.conditional = !pair.reasons.empty() &&
      std::all_of(
          pair.reasons.begin(),
          pair.reasons.end(),
          [&](const PairReason& reason) {
            return reason.verdict < pair.verdict || !reason.when.empty();
          });
  return pair;
}

} // namespace

const PairVerdict& Matrix::at(const std::string& a, const std::string& b)
    const {
  for (const PairVerdict& pair : pairs) {
    if ((pair.first == a && pair.second == b) ||
        (pair.first == b && pair.second == a)) {
      return pair;
    }
  }
  throw std::out_of_range("no pair of " + a + " and " + b);
}

Matrix compatibility_matrix(
    std::vector<Manifest> plugins,
    const std::map<std::string, std::string>& tested,
    const std::set<std::string>& planned) {
  std::sort(
      plugins.begin(), plugins.end(), [](const Manifest& a, const Manifest& b) {
        return a.kind != b.kind ? a.kind < b.kind : a.name < b.name;
      });
  Matrix matrix;
  for (size_t i = 0; i < plugins.size(); ++i) {
    for (size_t j = i + 1; j < plugins.size(); ++j) {
      PairVerdict pair = pair_of(plugins[i], plugins[j]);
      const auto [low, high] = std::minmax(pair.first, pair.second);
      const auto test = tested.find(low + " " + high);
      pair.tested = test == tested.end() ? "" : test->second;
      pair.planned =
          planned.count(pair.first) > 0 || planned.count(pair.second) > 0;
      matrix.pairs.push_back(std::move(pair));
    }
  }
  matrix.plugins = std::move(plugins);
  return matrix;
}

nlohmann::ordered_json to_json(const Matrix& matrix) {
  using Json = nlohmann::ordered_json;
  const auto name_of = [](RelationVerdict verdict) {
    return verdict == RelationVerdict::ok  ? "ok"
        : verdict == RelationVerdict::warn ? "warn"
                                           : "reject";
  };
  Json plugins = Json::array(), pairs = Json::array();
  for (const Manifest& manifest : matrix.plugins) {
    plugins.push_back(
        {{"name", manifest.name},
         {"kind", to_string(manifest.kind)},
         {"provides", manifest.provides}});
  }
  for (const PairVerdict& pair : matrix.pairs) {
    Json reasons = Json::array();
    for (const PairReason& reason : pair.reasons) {
      reasons.push_back(
          {{"verdict", name_of(reason.verdict)},
           {"text", reason.text},
           {"when", reason.when}});
    }
    pairs.push_back(
        {{"plugins", {pair.first, pair.second}},
         {"verdict", pair.either_or ? "either-or" : name_of(pair.verdict)},
         {"conditional", pair.conditional},
         {"tested", pair.tested},
         {"planned", pair.planned},
         {"reasons", reasons}});
  }
  return {{"plugins", plugins}, {"pairs", pairs}};
}

} // namespace octet
