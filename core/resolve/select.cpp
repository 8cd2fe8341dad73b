// select: run.toml, the catalog, the machine and the probes to a Selection.
// No files, no tensors. In two rounds, each of which tells all that is wrong:
// names, options, needs and conflicts, for which manifests suffice; then the
// probes, the first code of a plugin that runs.
#include "core/base/one_line.h"
#include "core/base/problems.h"
#include "core/plugin/core_capabilities.h"
#include "core/resolve/choose_backend.h"
#include "core/resolve/conflicts.h"
#include "core/resolve/needs.h"
#include "core/resolve/options_of_run.h"
#include "core/resolve/relations.h"
#include "core/resolve/selection.h"

#include <optional>

namespace octet {

namespace {

// What to do where a plugin's needs are not met.
std::string way_around(const Manifest& manifest, const std::string& prefix) {
  if (manifest.options.count("emulate") > 0) {
    return "set " + prefix + ".emulate = true to try it slowly without one";
  }
  return manifest.kind == PluginKind::feature
      ? "remove [" + prefix + "]"
      : "choose another backend, or \"auto\" for the best one of this machine";
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
    check_what_is_declared();
    raise();
    ask_what_is_named();
    if (automatic_) {
      automatic_->decide(
          [this](const SelectedPlugin& plugin) { return ask(plugin); },
          selection_,
          problems_);
      note_unused_tables();
      raise();
      note_warnings(&selection_.precision);
      sort_features(&selection_.precision);
    }
    raise();
    return std::move(selection_);
  }

 private:
  void raise() {
    problems_.raise(ExitCode::resolution, "resolve", "cannot run as asked");
  }

  // The first round: nothing of a plugin runs.
  void check_what_is_declared() {
    for (const auto& [name, table] : config_.features) {
      select_feature(name, table);
    }
    const SelectedPlugin* precision = nullptr;
    if (config_.precision.backend == "auto") {
      automatic_.emplace(
          config_, catalog_, host_, selection_.features, problems_);
    } else {
      select_by_name();
      precision = selection_.precision.entry == nullptr ? nullptr
                                                        : &selection_.precision;
    }
    check_precision_tables();
    note_warnings(precision);
    sort_features(precision);
  }

  // Under `auto` once more when its choice is known: relations may name it.
  void sort_features(const SelectedPlugin* precision) {
    selection_.features = in_order(
        std::move(selection_.features),
        precision,
        config_.train.stage,
        problems_);
  }

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
          ") cannot be used: " + one_line(entry->reason) +
          not_in_its_place(name));
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

  // A usable file of that name further back, which must not run unnoticed.
  std::string not_in_its_place(const std::string& name) const {
    for (const CatalogEntry& entry : catalog_.entries) {
      if (entry.manifest.name == name &&
          entry.status == PluginStatus::shadowed) {
        return "; " + entry.path.string() +
            " has the same name and is not used in its place: remove the "
            "first file, or choose the second with [plugins.pin]";
      }
    }
    return "";
  }

  // A plugin that the run names, with its options and needs checked. One that
  // has a problem is selected all the same: the run stops anyway, and its
  // conflicts with others are to be told now, not after the next try.
  SelectedPlugin admit(
      const CatalogEntry& entry,
      const std::string& asked,
      const std::string& prefix,
      const OptionTable& table) {
    SelectedPlugin plugin{&entry, {}, "asked"};
    plugin.options = check_options(entry.manifest, table, prefix, problems_);
    const std::string unmet = emulates(plugin.options)
        ? ""
        : unmet_needs(entry.manifest.needs, host_);
    if (!unmet.empty()) {
      problems_.add(
          asked + ": " + unmet + "; " + way_around(entry.manifest, prefix));
    }
    return plugin;
  }

  std::string asked_feature(const std::string& name) const {
    return "[features." + name + "] (" +
        config_.features.at(name).place.text() + ")";
  }

  std::string asked_backend() const {
    const std::string place = config_.precision.place.text();
    return "precision.backend = \"" + config_.precision.backend + "\"" +
        (place.empty() ? "" : " (" + place + ")");
  }

  void select_feature(const std::string& name, const OptionTable& table) {
    const std::string asked = asked_feature(name);
    if (select_core_capability(name, asked)) {
      return;
    }
    const CatalogEntry* entry = require(asked, name, PluginKind::feature);
    if (entry != nullptr) {
      selection_.features.push_back(
          admit(*entry, asked, "features." + name, table));
    }
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
    const CatalogEntry* entry =
        require(asked_backend(), name, PluginKind::precision);
    if (entry != nullptr) {
      selection_.precision = admit(
          *entry,
          asked_backend(),
          "precision." + name,
          table_of(config_.precision.tables, name));
    }
  }

  void check_precision_tables() {
    for (const auto& [name, table] : config_.precision.tables) {
      const std::string asked =
          "[precision." + name + "] (" + table.place.text() + ")";
      if (name == config_.precision.backend) {
        continue;
      }
      const CatalogEntry* entry = catalog_.find_any(name);
      if (entry == nullptr || !catalog_.is_backend(*entry)) {
        require(asked, name, PluginKind::precision);
      } else if (!automatic_) {
        problems_.add(
            asked +
            ": this backend is not selected; remove the table, or set "
            "precision.backend = \"" +
            name + "\" instead of \"" + config_.precision.backend + "\"");
      }
    }
  }

  // The second round.
  void ask_what_is_named() {
    for (SelectedPlugin& feature : selection_.features) {
      // A capability of the core has no file and nothing to probe.
      if (!feature.entry->path.empty()) {
        admit_by_probe(feature, asked_feature(feature.entry->manifest.name));
      }
    }
    if (automatic_) {
      return;
    }
    SelectedPlugin& precision = selection_.precision;
    admit_by_probe(precision, asked_backend());
    selection_.candidates.push_back(
        {precision.entry->manifest.name,
         precision.entry->manifest.rank,
         "chosen",
         "asked for by name" +
             (precision.probed.empty() ? ""
                                       : "; " + one_line(precision.probed))});
  }

  void admit_by_probe(SelectedPlugin& plugin, const std::string& asked) {
    const ProbeVerdict verdict = ask(plugin);
    if (!verdict.usable) {
      problems_.add(
          asked + ": not usable on this machine: " + one_line(verdict.reason));
    }
    plugin.probed = verdict.reason;
  }

  ProbeVerdict ask(const SelectedPlugin& plugin) {
    try {
      return probe_(*plugin.entry, plugin.options);
    } catch (const Failure& failure) {
      // A fault of this installation or machine is no verdict on a plugin.
      if (failure.code() == ExitCode::failed) {
        throw;
      }
      return {false, failure.message()};
    } catch (const Error& error) {
      return {false, error.message()};
    }
  }

  // Conflicts become problems. Under `auto` the warnings wait for its choice.
  void note_warnings(const SelectedPlugin* precision) {
    const std::vector<std::string> warnings = find_conflicts(
        precision, selection_.features, config_.train.stage, problems_);
    if (precision != nullptr) {
      selection_.notes.insert(
          selection_.notes.end(), warnings.begin(), warnings.end());
    }
  }

  void note_unused_tables() {
    for (const auto& [name, table] : config_.precision.tables) {
      for (const Candidate& row : selection_.candidates) {
        if (row.name == name && row.verdict != "chosen") {
          selection_.notes.push_back(
              "[precision." + name + "] (" + table.place.text() +
              ") is not used: " + name + " is " + row.verdict + ", " +
              row.reason);
        }
      }
    }
  }

  const RunConfig& config_;
  const Catalog& catalog_;
  const OctetHost& host_;
  const Prober& probe_;
  std::optional<BackendChoice> automatic_;
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
