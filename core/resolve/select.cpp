// select: run.toml, the catalog, the machine and the probes to a Selection.
// No files, no tensors; everything that is wrong is told at once.
#include "core/base/problems.h"
#include "core/plugin/core_capabilities.h"
#include "core/resolve/needs.h"
#include "core/resolve/relations.h"
#include "core/resolve/selection.h"

#include <algorithm>

namespace octet {

namespace {

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string one_line(std::string text) {
  for (size_t at = text.find('\n'); at != std::string::npos;
       at = text.find('\n', at)) {
    text.replace(at, 1, "; ");
  }
  return text;
}

bool emulates(const OptionTable& options) {
  const auto found = options.values.find("emulate");
  const bool* on = found == options.values.end()
      ? nullptr
      : std::get_if<bool>(&found->second.value);
  return on != nullptr && *on;
}

// What to do where a plugin's needs are not met.
std::string way_around(const Manifest& manifest, const std::string& prefix) {
  if (manifest.options.count("emulate") > 0) {
    return "set " + prefix + ".emulate = true to try it slowly without one";
  }
  return manifest.kind == PluginKind::feature
      ? "remove [" + prefix + "]"
      : "choose another backend, or \"auto\" for the best one of this machine";
}

const OptionTable& table_of(
    const std::map<std::string, OptionTable>& tables,
    const std::string& name) {
  static const OptionTable kNone;
  const auto found = tables.find(name);
  return found == tables.end() ? kNone : found->second;
}

class Selector {
 public:
  Selector(
      const RunConfig& config,
      const Catalog& catalog,
      const OctetHost& host,
      const Prober& probe)
      : config_(config), catalog_(catalog), host_(host), probe_(probe) {}

  Selection run() {
    for (const auto& [name, table] : config_.features) {
      select_feature(name, table);
    }
    if (config_.precision.backend == "auto") {
      select_automatically();
    } else {
      select_by_name();
    }
    check_precision_tables();
    check_relations();
    selection_.features =
        in_order(selection_.features, config_.train.stage, problems_);
    problems_.raise(ExitCode::resolution, "resolve", "cannot run as asked");
    return std::move(selection_);
  }

 private:
  // The ready plugin of that name and kind, or a problem that begins with
  // `asked` and says what there is instead.
  const CatalogEntry*
  require(const std::string& asked, const std::string& name, PluginKind kind) {
    const CatalogEntry* entry = catalog_.find_any(name);
    const std::vector<std::string> names = catalog_.names(kind);
    if (entry == nullptr) {
      const KnownPlugin* known = catalog_.find_known(name);
      if (known != nullptr && known->kind == kind) {
        problems_.add(asked + ": " + how_to_get(*known));
        return nullptr;
      }
      const std::string nearest = nearest_name(name, names);
      problems_.add(
          asked + ": there is no " + to_string(kind) + " plugin " + name +
          (nearest.empty() ? ";" : "; did you mean " + nearest + "?") +
          (names.empty()         ? " none is installed"
               : nearest.empty() ? " installed: " + join_names(names)
                                 : " Installed: " + join_names(names)));
      return nullptr;
    }
    if (entry->status != PluginStatus::ready) {
      problems_.add(
          asked + ": plugin " + name + " (" + entry->path.string() +
          ") cannot be used: " + one_line(entry->reason));
      return nullptr;
    }
    if (entry->manifest.kind != kind) {
      problems_.add(
          asked + ": " + name + " is a " + to_string(entry->manifest.kind) +
          " plugin; " +
          (kind == PluginKind::feature
               ? "choose it with precision.backend = \"" + name + "\""
               : "turn it on with [features." + name + "]"));
      return nullptr;
    }
    return entry;
  }

  // Options, needs and probe of a plugin that the run names. One that has a
  // problem is selected all the same: the run stops anyway, and its conflicts
  // with others are to be told now, not after the next try.
  SelectedPlugin admit(
      const CatalogEntry& entry,
      const std::string& asked,
      const std::string& prefix,
      const OptionTable& table) {
    Problems found;
    SelectedPlugin plugin{&entry, {}, "asked"};
    plugin.options = check_options(entry.manifest, table, prefix, found);
    const std::string unmet = emulates(plugin.options)
        ? ""
        : unmet_needs(entry.manifest.needs, host_);
    if (!unmet.empty()) {
      found.add(
          asked + ": " + unmet + "; " + way_around(entry.manifest, prefix));
    }
    if (found.empty()) {
      const ProbeVerdict verdict = ask(plugin);
      if (!verdict.usable) {
        found.add(
            asked +
            ": not usable on this machine: " + one_line(verdict.reason));
      }
      plugin.probed = verdict.reason;
    }
    for (const std::string& problem : found.items()) {
      problems_.add(problem);
    }
    return plugin;
  }

  ProbeVerdict ask(const SelectedPlugin& plugin) {
    try {
      return probe_(*plugin.entry, plugin.options);
    } catch (const Error& error) {
      return {false, error.message()};
    }
  }

  void select_feature(const std::string& name, const OptionTable& table) {
    const std::string asked =
        "[features." + name + "] (" + table.place.text() + ")";
    if (select_core_capability(name, asked)) {
      return;
    }
    const CatalogEntry* entry = require(asked, name, PluginKind::feature);
    if (entry == nullptr) {
      return;
    }
    selection_.features.push_back(
        admit(*entry, asked, "features." + name, table));
  }

  // Takes part in the relations even when a run cannot have it yet, so that
  // every conflict is told at once.
  bool select_core_capability(
      const std::string& name,
      const std::string& asked) {
    const CoreCapability* capability = find_core_capability(name);
    if (capability == nullptr || catalog_.find_any(name) != nullptr) {
      return false;
    }
    if (!capability->missing.empty()) {
      problems_.add(
          asked + ": " + name + " does not exist yet: " + capability->missing +
          "; remove the table");
    }
    selection_.features.push_back({&capability->entry, {}, "asked"});
    return true;
  }

  void select_by_name() {
    const std::string& name = config_.precision.backend;
    const std::string place = config_.precision.place.text();
    const std::string asked = "precision.backend = \"" + name + "\"" +
        (place.empty() ? "" : " (" + place + ")");
    const CatalogEntry* entry = require(asked, name, PluginKind::precision);
    if (entry == nullptr) {
      return;
    }
    selection_.precision = admit(
        *entry,
        asked,
        "precision." + name,
        table_of(config_.precision.tables, name));
    const std::string& probed = selection_.precision.probed;
    selection_.candidates.push_back(
        {name,
         entry->manifest.rank,
         "chosen",
         "asked for by name" +
             (probed.empty() ? "" : "; " + one_line(probed))});
  }

  // All precision plugins whose manifest could be read, best first. Ready ones
  // come before a rejected one of the same name.
  std::vector<const CatalogEntry*> ranked() const {
    std::vector<const CatalogEntry*> entries;
    for (const CatalogEntry& entry : catalog_.entries) {
      if (entry.manifest.kind == PluginKind::precision &&
          catalog_.find_any(entry.manifest.name) == &entry) {
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

  void select_automatically() {
    for (const CatalogEntry* entry : ranked()) {
      const Manifest& manifest = entry->manifest;
      SelectedPlugin plugin{entry, {}, "auto"};
      Problems found;
      plugin.options = check_options(
          manifest,
          table_of(config_.precision.tables, manifest.name),
          "precision." + manifest.name,
          found);
      for (const std::string& problem : found.items()) {
        problems_.add(problem);
      }
      selection_.candidates.push_back(judge(plugin, found.empty()));
      if (selection_.candidates.back().verdict == "chosen") {
        selection_.precision = std::move(plugin);
      } else if (selection_.candidates.back().verdict == "reference") {
        selection_.reference = std::move(plugin);
      }
    }
    check_reference();
    if (selection_.precision.entry == nullptr) {
      std::string rows;
      for (const Candidate& row : selection_.candidates) {
        rows += "\n      " + row.name + ": " + row.reason;
      }
      problems_.add(
          "precision.backend = \"auto\": no precision plugin can be chosen" +
          (rows.empty() ? "; none is installed" : ":" + rows));
    }
  }

  // precision.measure needs two backends that compute in one dtype.
  void check_reference() {
    const CatalogEntry* chosen = selection_.precision.entry;
    if (!config_.precision.measure || chosen == nullptr) {
      return;
    }
    const Manifest& candidate = chosen->manifest;
    if (candidate.reference) {
      selection_.notes.push_back(
          "precision.measure: nothing is measured, because " + candidate.name +
          ", the best usable backend, is the reference itself");
    } else if (!selection_.reference) {
      problems_.add(
          "precision.measure = true: " + candidate.name +
          " cannot be measured, because no usable backend is marked "
          "reference = true; set precision.measure = false");
    } else if (
        selection_.reference->entry->manifest.compute != candidate.compute) {
      const Manifest& other = selection_.reference->entry->manifest;
      problems_.add(
          "precision.measure = true: " + candidate.name + " computes in " +
          candidate.compute + ", but the reference " + other.name + " in " +
          other.compute +
          ", and a run has one compute dtype; set precision.measure = false, "
          "or name a backend");
    }
  }

  /// @param options_fit whether the plugin may be asked with its options
  Candidate judge(SelectedPlugin& plugin, bool options_fit) {
    const CatalogEntry& entry = *plugin.entry;
    const Manifest& manifest = entry.manifest;
    const auto row = [&](const char* verdict, const std::string& reason) {
      return Candidate{manifest.name, manifest.rank, verdict, reason};
    };
    if (entry.status != PluginStatus::ready) {
      return row("not usable", first_line(entry.reason));
    }
    if (!manifest.automatic) {
      return row("not asked", "chosen by name only");
    }
    // Emulation is never chosen unasked, so `emulate` lifts nothing here,
    // unless a measurement is to judge it.
    const bool emulated = config_.precision.measure && emulates(plugin.options);
    const std::string unmet =
        emulated ? "" : unmet_needs(manifest.needs, host_);
    if (!unmet.empty()) {
      return row("not usable", unmet);
    }
    const std::string conflict = conflict_with_features(plugin);
    if (!conflict.empty()) {
      return row("not usable", conflict);
    }
    const CatalogEntry* better = selection_.precision.entry;
    const bool reference = better != nullptr && config_.precision.measure &&
        manifest.reference && !better->manifest.reference &&
        !selection_.reference;
    if (better != nullptr && !reference) {
      return row("not asked", "ranks after " + better->manifest.name);
    }
    if (!options_fit) {
      return row("not usable", "its options in run.toml are wrong");
    }
    const ProbeVerdict verdict = ask(plugin);
    if (!verdict.usable) {
      return row("not usable", one_line(verdict.reason));
    }
    plugin.probed = verdict.reason;
    if (reference) {
      return row(
          "reference", better->manifest.name + " is measured against it");
    }
    return row(
        "chosen",
        verdict.reason.empty() ? "the first usable one"
                               : one_line(verdict.reason));
  }

  std::string conflict_with_features(const SelectedPlugin& plugin) const {
    std::vector<SelectedPlugin> together = selection_.features;
    together.push_back(plugin);
    const std::string& name = plugin.entry->manifest.name;
    for (const Finding& finding :
         related_findings(together, config_.train.stage)) {
      const bool involved =
          std::find(finding.plugins.begin(), finding.plugins.end(), name) !=
          finding.plugins.end();
      if (involved && finding.verdict == RelationVerdict::reject) {
        return finding.text;
      }
    }
    for (const SelectedPlugin& feature : selection_.features) {
      const std::string unread = unread_storage(plugin, feature);
      if (!unread.empty()) {
        return unread;
      }
    }
    return "";
  }

  static std::string unread_storage(
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

  void check_precision_tables() {
    const bool automatic = config_.precision.backend == "auto";
    for (const auto& [name, table] : config_.precision.tables) {
      const std::string asked =
          "[precision." + name + "] (" + table.place.text() + ")";
      if (name == config_.precision.backend) {
        continue;
      }
      const CatalogEntry* entry = catalog_.find_any(name);
      if (entry == nullptr || entry->manifest.kind != PluginKind::precision) {
        require(asked, name, PluginKind::precision);
      } else if (!automatic) {
        problems_.add(
            asked +
            ": this backend is not selected; remove the table, or set "
            "precision.backend = \"" +
            name + "\" instead of \"" + config_.precision.backend + "\"");
      } else {
        note_unused(name, asked);
      }
    }
  }

  void note_unused(const std::string& name, const std::string& asked) {
    for (const Candidate& row : selection_.candidates) {
      if (row.name == name && row.verdict != "chosen") {
        selection_.notes.push_back(
            asked + " is not used: " + name + " is " + row.verdict + ", " +
            row.reason);
      }
    }
  }

  void check_relations() {
    std::vector<SelectedPlugin> together = selection_.features;
    if (selection_.precision.entry != nullptr) {
      together.push_back(selection_.precision);
      for (const SelectedPlugin& feature : selection_.features) {
        const std::string unread =
            unread_storage(selection_.precision, feature);
        if (!unread.empty()) {
          problems_.add(
              unread + "; remove [features." + feature.entry->manifest.name +
              "], or choose another precision.backend");
        }
      }
    }
    for (const Finding& finding :
         related_findings(together, config_.train.stage)) {
      if (finding.verdict == RelationVerdict::reject) {
        problems_.add(finding.text);
      } else {
        selection_.notes.push_back(finding.text);
      }
    }
  }

  const RunConfig& config_;
  const Catalog& catalog_;
  const OctetHost& host_;
  const Prober& probe_;
  Problems problems_;
  Selection selection_;
};

} // namespace

Selection select_plugins(
    const RunConfig& config,
    const Catalog& catalog,
    const OctetHost& host,
    const Prober& probe) {
  return Selector(config, catalog, host, probe).run();
}

} // namespace octet
