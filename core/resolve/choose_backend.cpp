// The candidates of `auto`, their verdicts and the reasons.
#include "core/resolve/choose_backend.h"

#include "core/base/one_line.h"
#include "core/resolve/conflicts.h"
#include "core/resolve/needs.h"
#include "core/resolve/options_of_run.h"
#include "core/resolve/relations.h"

#include <algorithm>

namespace octet {

namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

void set(Candidate& row, const char* verdict, const std::string& reason) {
  row.verdict = verdict;
  row.reason = reason;
}

// All precision plugins, best first; of files of one name that which the name
// stands for.
std::vector<const CatalogEntry*> ranked(const Catalog& catalog) {
  std::vector<const CatalogEntry*> entries;
  for (const CatalogEntry& entry : catalog.entries) {
    if (catalog.is_backend(entry) &&
        catalog.find_any(entry.manifest.name) == &entry) {
      entries.push_back(&entry);
    }
  }
  std::sort(
      entries.begin(),
      entries.end(),
      [](const CatalogEntry* a, const CatalogEntry* b) {
        const Manifest &x = a->manifest, &y = b->manifest;
        return x.rank != y.rank ? x.rank > y.rank : x.name < y.name;
      });
  return entries;
}

} // namespace

BackendChoice::BackendChoice(
    const RunConfig& config,
    const Catalog& catalog,
    const OctetHost& host,
    const std::vector<SelectedPlugin>& features,
    Problems& problems)
    : config_(config) {
  for (const CatalogEntry* entry : ranked(catalog)) {
    const Manifest& manifest = entry->manifest;
    items_.push_back(
        {{entry, {}, "auto"}, {manifest.name, manifest.rank, "", ""}});
    judge(items_.back(), host, features, problems);
  }
  if (std::none_of(items_.begin(), items_.end(), [](const Item& item) {
        return item.open();
      })) {
    report_nothing_left(problems);
  }
}

void BackendChoice::judge(
    Item& item,
    const OctetHost& host,
    const std::vector<SelectedPlugin>& features,
    Problems& problems) const {
  const Manifest& manifest = item.plugin.entry->manifest;
  if (!item.plugin.entry->manifest_read) {
    // What its options are is not known.
    return set(item.row, "not usable", first_line(item.plugin.entry->reason));
  }
  Problems wrong;
  item.plugin.options = check_options(
      manifest,
      table_of(config_.precision.tables, manifest.name),
      "precision." + manifest.name,
      wrong);
  for (const std::string& problem : wrong.items()) {
    problems.add(problem);
  }
  if (item.plugin.entry->status != PluginStatus::ready) {
    return set(item.row, "not usable", first_line(item.plugin.entry->reason));
  }
  if (!manifest.automatic) {
    return set(item.row, "not asked", "chosen by name only");
  }
  // Emulation is never chosen unasked, so `emulate` lifts nothing here, unless
  // a measurement is to judge it.
  const bool emulated =
      config_.precision.measure && emulates(item.plugin.options);
  const std::string unmet = emulated ? "" : unmet_needs(manifest.needs, host);
  if (!unmet.empty()) {
    return set(item.row, "not usable", unmet);
  }
  const std::string conflict =
      conflict_with_features(item.plugin, features, config_.train.stage);
  if (!conflict.empty()) {
    return set(item.row, "not usable", conflict);
  }
  Problems circles;
  in_order(features, &item.plugin, config_.train.stage, circles);
  if (!circles.empty()) {
    set(item.row, "not usable", circles.items().front());
  }
}

void BackendChoice::decide(
    const std::function<ProbeVerdict(const SelectedPlugin&)>& ask,
    Selection& selection,
    Problems& problems) {
  for (Item& item : items_) {
    if (item.open()) {
      probe(item, ask, selection);
    }
    selection.candidates.push_back(item.row);
  }
  if (selection.precision.entry == nullptr) {
    report_nothing_left(problems);
  }
  check_reference(selection, problems);
}

void BackendChoice::probe(
    Item& item,
    const std::function<ProbeVerdict(const SelectedPlugin&)>& ask,
    Selection& selection) const {
  const CatalogEntry* better = selection.precision.entry;
  const bool reference = better != nullptr && config_.precision.measure &&
      item.plugin.entry->manifest.reference && !better->manifest.reference &&
      !selection.reference;
  if (better != nullptr && !reference) {
    return set(item.row, "not asked", "ranks after " + better->manifest.name);
  }
  const ProbeVerdict verdict = ask(item.plugin);
  if (!verdict.usable) {
    return set(item.row, "not usable", one_line(verdict.reason));
  }
  item.plugin.probed = verdict.reason;
  if (reference) {
    set(item.row,
        "reference",
        better->manifest.name + " is measured against it");
    selection.reference = item.plugin;
  } else {
    set(item.row,
        "chosen",
        verdict.reason.empty() ? "the first usable one"
                               : one_line(verdict.reason));
    selection.precision = item.plugin;
  }
}

void BackendChoice::report_nothing_left(Problems& problems) const {
  std::string rows;
  for (const Item& item : items_) {
    rows += "\n      " + item.row.name + ": " + item.row.reason;
  }
  problems.add(
      "precision.backend = \"auto\": no precision plugin can be chosen" +
      (rows.empty() ? "; none is installed" : ":" + rows));
}

// precision.measure needs two backends that compute in one dtype.
void BackendChoice::check_reference(Selection& selection, Problems& problems)
    const {
  const CatalogEntry* chosen = selection.precision.entry;
  if (!config_.precision.measure || chosen == nullptr) {
    return;
  }
  const Manifest& candidate = chosen->manifest;
  if (candidate.reference) {
    selection.notes.push_back(
        "precision.measure: nothing is measured, because " + candidate.name +
        ", the best usable backend, is the reference itself");
  } else if (!selection.reference) {
    problems.add(
        "precision.measure = true: " + candidate.name +
        " cannot be measured, because no usable backend is marked "
        "reference = true; set precision.measure = false");
  } else if (
      selection.reference->entry->manifest.compute != candidate.compute) {
    const Manifest& other = selection.reference->entry->manifest;
    problems.add(
        "precision.measure = true: " + candidate.name + " computes in " +
        candidate.compute + ", but the reference " + other.name + " in " +
        other.compute +
        ", and a run has one compute dtype; set precision.measure = false, "
        "or name a backend");
  }
}

} // namespace octet
