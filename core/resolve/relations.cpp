// Evaluates relations among the selected plugins; see the header.
#include "core/resolve/relations.h"

#include "core/plugin/condition.h"

#include <algorithm>
#include <map>
#include <set>

namespace octet {

namespace {

bool answers_to(const Manifest& manifest, const std::string& wanted) {
  return manifest.name == wanted ||
      std::find(manifest.provides.begin(), manifest.provides.end(), wanted) !=
      manifest.provides.end();
}

// Who among the others answers to `wanted`.
std::vector<const SelectedPlugin*> partners(
    const std::vector<SelectedPlugin>& selected,
    const SelectedPlugin& self,
    const std::string& wanted) {
  std::vector<const SelectedPlugin*> found;
  for (const SelectedPlugin& other : selected) {
    if (&other != &self && answers_to(other.entry->manifest, wanted)) {
      found.push_back(&other);
    }
  }
  return found;
}

bool applies(
    const std::vector<SelectedPlugin>& selected,
    const SelectedPlugin& self,
    const Relation& relation,
    const std::string& stage) {
  const bool all_there = std::all_of(
      relation.with.begin(), relation.with.end(), [&](const auto& wanted) {
        return !partners(selected, self, wanted).empty();
      });
  return all_there &&
      holds(parse_condition(relation.when), self.options, stage);
}

std::string ended(const std::string& sentence) {
  return sentence.empty() || sentence.back() == '.' ? sentence : sentence + ".";
}

// What was declared about one combination.
struct Declared {
  RelationVerdict verdict = RelationVerdict::ok;
  std::vector<const Manifest*> involved;
  // Reasons of that verdict, each once, with the ways out behind them.
  std::vector<std::string> reasons, ways_out;
};

void add_once(std::vector<std::string>& texts, const std::string& text) {
  if (!text.empty() &&
      std::find(texts.begin(), texts.end(), text) == texts.end()) {
    texts.push_back(text);
  }
}

void declare(Declared& declared, const Relation& relation) {
  if (relation.verdict < declared.verdict) {
    return;
  }
  if (relation.verdict > declared.verdict) {
    declared.verdict = relation.verdict;
    declared.reasons.clear();
    declared.ways_out.clear();
  }
  add_once(declared.reasons, ended(relation.reason));
  add_once(declared.ways_out, ended(relation.way_out));
}

std::string sentence(const Declared& declared) {
  std::string text;
  for (size_t i = 0; i < declared.involved.size(); ++i) {
    text += i == 0 ? "" : i == 1 ? " with " : " and ";
    text += label(*declared.involved[i]);
  }
  text += ":";
  for (const auto* part : {&declared.reasons, &declared.ways_out}) {
    for (const std::string& words : *part) {
      text += " " + words;
    }
  }
  return text;
}

using Forerunners = std::map<std::string, std::set<std::string>>;

// Which features each feature must come after.
Forerunners forerunners_of(
    const std::vector<SelectedPlugin>& features,
    const SelectedPlugin* precision,
    const std::string& stage) {
  std::vector<SelectedPlugin> together = features;
  if (precision != nullptr) {
    together.push_back(*precision);
  }
  Forerunners forerunners;
  for (const SelectedPlugin& self : together) {
    // The backend makes its products before any feature is applied.
    if (self.entry->manifest.kind == PluginKind::precision) {
      continue;
    }
    std::set<std::string>& waits_for = forerunners[self.entry->manifest.name];
    for (const Relation& relation : self.entry->manifest.relations) {
      if (relation.after.empty() || !applies(together, self, relation, stage)) {
        continue;
      }
      for (const auto* other : partners(together, self, relation.after)) {
        if (other->entry->manifest.kind == PluginKind::feature) {
          waits_for.insert(other->entry->manifest.name);
        }
      }
    }
  }
  return forerunners;
}

// Takes every plugin whose forerunners are all taken, smallest name first, out
// of `waiting`; what is left waits for itself.
std::vector<std::string> take_free(Forerunners& waiting) {
  std::vector<std::string> order;
  for (;;) {
    const auto free =
        std::find_if(waiting.begin(), waiting.end(), [](const auto& item) {
          return item.second.empty();
        });
    if (free == waiting.end()) {
      return order;
    }
    const std::string name = free->first;
    waiting.erase(free);
    for (auto& [other, waits_for] : waiting) {
      waits_for.erase(name);
    }
    order.push_back(name);
  }
}

// A circle of what is left, sorted: from forerunner to forerunner until one
// comes again.
std::vector<std::string> circle_in(const Forerunners& waiting) {
  std::vector<std::string> way = {waiting.begin()->first};
  for (;;) {
    const std::string& next = *waiting.at(way.back()).begin();
    const auto again = std::find(way.begin(), way.end(), next);
    if (again != way.end()) {
      way.erase(way.begin(), again);
      std::sort(way.begin(), way.end());
      return way;
    }
    way.push_back(next);
  }
}

} // namespace

std::string label(const Manifest& manifest) {
  std::string text = manifest.kind == PluginKind::precision
      ? "precision.backend = \"" + manifest.name + "\""
      : "features." + manifest.name;
  if (!manifest.provides.empty()) {
    text += " (" + join_names(manifest.provides) + ")";
  }
  return text;
}

std::vector<Finding> related_findings(
    const std::vector<SelectedPlugin>& selected,
    const std::string& stage) {
  std::map<std::vector<std::string>, Declared> combinations;
  for (const SelectedPlugin& self : selected) {
    for (const Relation& relation : self.entry->manifest.relations) {
      if (!applies(selected, self, relation, stage)) {
        continue;
      }
      std::map<std::string, const Manifest*> involved = {
          {self.entry->manifest.name, &self.entry->manifest}};
      for (const std::string& wanted : relation.with) {
        for (const SelectedPlugin* other : partners(selected, self, wanted)) {
          involved[other->entry->manifest.name] = &other->entry->manifest;
        }
      }
      std::vector<std::string> names;
      std::vector<const Manifest*> manifests;
      for (const auto& [name, manifest] : involved) {
        names.push_back(name);
        manifests.push_back(manifest);
      }
      Declared& declared = combinations[names];
      declared.involved = manifests;
      declare(declared, relation);
    }
  }
  std::vector<Finding> findings;
  for (const auto& [names, declared] : combinations) {
    if (declared.verdict != RelationVerdict::ok) {
      findings.push_back({declared.verdict, names, sentence(declared)});
    }
  }
  return findings;
}

std::vector<SelectedPlugin> in_order(
    std::vector<SelectedPlugin> features,
    const SelectedPlugin* precision,
    const std::string& stage,
    Problems& problems) {
  Forerunners waiting = forerunners_of(features, precision, stage);
  const std::vector<std::string> names = take_free(waiting);
  if (!waiting.empty()) {
    Forerunners without_precision = forerunners_of(features, nullptr, stage);
    take_free(without_precision);
    while (!waiting.empty()) {
      const std::vector<std::string> circle = circle_in(waiting);
      problems.add(
          "features " + join_names(circle) +
          " each must be applied after another of them" +
          (without_precision.count(circle.front()) > 0
               ? ""
               : " beside " + label(precision->entry->manifest)) +
          "; remove one");
      // As if the circle were gone, for the next one.
      for (const std::string& name : circle) {
        waiting[name].clear();
      }
      take_free(waiting);
    }
    return features;
  }
  const auto place = [&](const SelectedPlugin& plugin) {
    return std::find(names.begin(), names.end(), plugin.entry->manifest.name);
  };
  std::sort(
      features.begin(),
      features.end(),
      [&](const SelectedPlugin& a, const SelectedPlugin& b) {
        return place(a) < place(b);
      });
  return features;
}

} // namespace octet
