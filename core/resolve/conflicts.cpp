// Conflicts of manifests.
#include "core/resolve/conflicts.h"

#include "core/plugin/words.h"
#include "core/resolve/relations.h"

#include <algorithm>
#include <map>

namespace octet {

namespace {

std::string unread_storage(
    const SelectedPlugin& precision,
    const SelectedPlugin& feature) {
  const std::vector<std::string>& reads = precision.entry->manifest.reads;
  for (const std::string& storage : feature.entry->manifest.stores) {
    if (std::find(reads.begin(), reads.end(), storage) == reads.end()) {
      return label(feature.entry->manifest) + " stores " + storage +
          " weights, which " + label(precision.entry->manifest) +
          " does not read (it reads " + join_names(reads) + ")";
    }
  }
  return "";
}

void find_shared_ops(
    const std::vector<SelectedPlugin>& features,
    Problems& problems) {
  std::map<std::string, std::vector<std::string>> owners;
  for (const SelectedPlugin& feature : features) {
    for (const std::string& claim : feature.entry->manifest.claims) {
      if (is_op(claim)) {
        owners[claim.substr(3)].push_back(feature.entry->manifest.name);
      }
    }
  }
  for (auto& [op, names] : owners) {
    if (names.size() > 1) {
      std::sort(names.begin(), names.end());
      problems.add(
          join_names(names) + (names.size() == 2 ? " both" : " all") +
          " replace op " + op + "; keep one of them");
    }
  }
}

// A capability of the core is no file, and claims what the core does itself.
void find_idle(
    const std::vector<SelectedPlugin>& features,
    Problems& problems) {
  for (const SelectedPlugin& feature : features) {
    if (feature.entry->manifest.claims.empty() &&
        !feature.entry->path.empty()) {
      problems.add(
          label(feature.entry->manifest) +
          " claims nothing, so it would change nothing; its manifest must "
          "claim a slot, op:<name> or step_end");
    }
  }
}

} // namespace

std::vector<std::string> find_conflicts(
    const SelectedPlugin* precision,
    const std::vector<SelectedPlugin>& features,
    const std::string& stage,
    Problems& problems) {
  std::vector<SelectedPlugin> together = features;
  if (precision != nullptr) {
    together.push_back(*precision);
    for (const SelectedPlugin& feature : features) {
      const std::string unread = unread_storage(*precision, feature);
      if (!unread.empty()) {
        problems.add(
            unread + "; remove [features." + feature.entry->manifest.name +
            "], or choose another precision.backend");
      }
    }
  }
  std::vector<std::string> notes;
  for (const Finding& finding : related_findings(together, stage)) {
    if (finding.verdict == RelationVerdict::reject) {
      problems.add(finding.text);
    } else {
      notes.push_back(finding.text);
    }
  }
  find_shared_ops(features, problems);
  find_idle(features, problems);
  return notes;
}

std::string conflict_with_features(
    const SelectedPlugin& precision,
    const std::vector<SelectedPlugin>& features,
    const std::string& stage) {
  std::vector<SelectedPlugin> together = features;
  together.push_back(precision);
  const std::string& name = precision.entry->manifest.name;
  for (const Finding& finding : related_findings(together, stage)) {
    const bool involved =
        std::find(finding.plugins.begin(), finding.plugins.end(), name) !=
        finding.plugins.end();
    if (involved && finding.verdict == RelationVerdict::reject) {
      return finding.text;
    }
  }
  for (const SelectedPlugin& feature : features) {
    const std::string unread = unread_storage(precision, feature);
    if (!unread.empty()) {
      return unread;
    }
  }
  return "";
}

} // namespace octet
