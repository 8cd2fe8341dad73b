// Life of the plugins within a run.
#include "core/train/run_plugins.h"

#include "core/base/problems.h"
#include "core/model/guarded.h"
#include "core/plugin/loaded_plugin.h"

#include <map>
#include <set>

namespace octet {
namespace {

/// A backend that starts anew in the middle of a run makes it another run. What
/// the checkpoint has beyond its state is for the backend to judge: it may keep
/// more after its first forward than now.
void require_backend_state(
    const State& saved,
    const Decoder& decoder,
    Problems& problems) {
  std::set<std::string> there;
  for (const auto& [name, tensor] : saved) {
    there.insert(name);
  }
  // Plugin -> what is missing, as site/tensor.
  std::map<std::string, std::vector<std::string>> missing;
  for (const auto& [name, tensor] : decoder.backend_state()) {
    if (!there.contains(name)) {
      missing[decoder.gemm_plugin(name.substr(0, name.find('/')))].push_back(
          name);
    }
  }
  for (const auto& [plugin, names] : missing) {
    const size_t slash = names.front().find('/');
    problems.add(
        plugin + " expects " + names.front().substr(slash + 1) + " of " +
        names.front().substr(0, slash) + ", and the checkpoint has none (" +
        std::to_string(names.size()) +
        " tensors); set precision back to what it was, or start a new run");
  }
}

} // namespace

const RunFeature* RunPlugins::adapter() const {
  for (const RunFeature& feature : features) {
    if (!feature.adapter_format.empty()) {
      return &feature;
    }
  }
  return nullptr;
}

at::ScalarType compute_dtype_of(const Manifest& manifest) {
  if (manifest.compute == "fp32") {
    return at::kFloat;
  }
  if (manifest.compute == "bf16") {
    return at::kBFloat16;
  }
  if (manifest.compute == "fp16") {
    return at::kHalf;
  }
  throw Failure(
      ExitCode::resolution,
      "resolve",
      "expected compute = \"fp32\", \"bf16\" or \"fp16\" in the manifest of " +
          manifest.name + ", got \"" + manifest.compute +
          "\"; choose another precision.backend");
}

RunPlugins create_plugins(const Selection& selection) {
  RunPlugins plugins;
  const auto add_backend = [&](const SelectedPlugin& selected) {
    plugins.backends.push_back(
        {selected.entry->manifest.name,
         guarded(
             selected.entry->manifest.name,
             load_plugin(*selected.entry).create_precision(selected.options))});
  };
  plugins.compute_dtype = compute_dtype_of(selection.precision.entry->manifest);
  add_backend(selection.precision);
  if (selection.reference) {
    add_backend(*selection.reference);
  }
  for (const SelectedPlugin& selected : selection.features) {
    const Manifest& manifest = selected.entry->manifest;
    plugins.features.push_back(
        {manifest.name,
         manifest.adapter_format,
         manifest.freezes_base,
         guarded(
             manifest.name,
             load_plugin(*selected.entry).create_feature(selected.options))});
  }
  return plugins;
}

void keep_backends(const Selection& selection, RunPlugins& plugins) {
  std::erase_if(plugins.backends, [&](const RunBackend& item) {
    const bool first = item.name == selection.precision.entry->manifest.name;
    const bool second = selection.reference &&
        item.name == selection.reference->entry->manifest.name;
    return !first && !second;
  });
}

std::vector<SiteVerdicts> ask_plugins(
    const RunPlugins& plugins,
    const std::vector<Site>& sites) {
  std::vector<SiteVerdicts> all;
  const auto ask = [&](const std::string& name, const auto& plugin) {
    SiteVerdicts answers{name, {}};
    for (const Site& site : sites) {
      answers.verdicts.push_back(plugin.accepts(site));
    }
    all.push_back(std::move(answers));
  };
  for (const RunBackend& item : plugins.backends) {
    ask(item.name, *item.backend);
  }
  for (const RunFeature& feature : plugins.features) {
    ask(feature.name, *feature.feature);
  }
  return all;
}

AppliedPlan
apply_plugins(const RunPlugins& plugins, const Plan& plan, Decoder& decoder) {
  AppliedPlan applied;
  applied.plan_ = &plan;
  std::vector<LedgerEntry> ledger;
  for (const RunBackend& item : plugins.backends) {
    applied.backends_.push_back(item.backend);
    const std::vector<LedgerEntry> done =
        decoder.use_backend(item.name, *item.backend, plan);
    ledger.insert(ledger.end(), done.begin(), done.end());
  }
  for (const RunFeature& feature : plugins.features) {
    const auto editor = decoder.editor(feature.name, plan, ledger);
    feature.feature->apply(*editor);
  }
  verify_ledger(plan, ledger);
  return applied;
}

State plugin_state(const RunPlugins& plugins, const Decoder& decoder) {
  State state;
  for (const auto& [name, tensor] : decoder.backend_state()) {
    const std::string plugin =
        decoder.gemm_plugin(name.substr(0, name.find('/')));
    state.emplace_back("backend/" + plugin + "/" + name, tensor);
  }
  for (const RunFeature& feature : plugins.features) {
    for (const auto& [name, tensor] : feature.feature->state()) {
      state.emplace_back("feature/" + feature.name + "/" + name, tensor);
    }
  }
  return state;
}

void load_plugin_state(
    const RunPlugins& plugins,
    const State& state,
    Decoder& decoder) {
  State backend;
  std::map<std::string, State> by_feature;
  for (const RunFeature& feature : plugins.features) {
    by_feature[feature.name];
  }
  Problems problems;
  // "te and now by bf16" -> sites.
  std::map<std::string, std::vector<std::string>> moved;
  for (const auto& [name, tensor] : state) {
    const size_t slash = name.find('/');
    const size_t second = name.find('/', slash + 1);
    const std::string owner = name.substr(0, slash);
    // The plugin's name, of a backend as of a feature.
    const std::string plugin = name.substr(slash + 1, second - slash - 1);
    if (owner == "backend") {
      const std::string rest = name.substr(second + 1);
      const std::string site = rest.substr(0, rest.find('/'));
      const std::string now = decoder.gemm_plugin(site);
      if (now != plugin) {
        moved
            [plugin +
             (now.empty() ? " and now by the core" : " and now by " + now)]
                .push_back(site);
      }
      backend.emplace_back(rest, tensor);
    } else if (owner == "feature" && by_feature.contains(plugin)) {
      by_feature[plugin].emplace_back(name.substr(second + 1), tensor);
    } else {
      problems.add("state " + name + " belongs to no plugin of this run");
    }
  }
  for (const auto& [owners, sites] : moved) {
    problems.add(
        sites.front() + " was computed by " + owners +
        ", which cannot go on with its state (" + std::to_string(sites.size()) +
        " tensors); set precision back to what it was");
  }
  if (problems.empty()) {
    require_backend_state(backend, decoder, problems);
  }
  problems.raise(
      ExitCode::input,
      "checkpoint",
      "the plugins' state does not fit this run's plugins");
  decoder.load_backend_state(backend);
  for (const RunFeature& feature : plugins.features) {
    feature.feature->load(by_feature[feature.name]);
  }
}

std::map<std::string, std::string> plugin_versions(const Selection& selection) {
  std::map<std::string, std::string> versions;
  const auto add = [&](const SelectedPlugin& plugin) {
    versions[plugin.entry->manifest.name] = plugin.entry->manifest.version;
  };
  add(selection.precision);
  if (selection.reference) {
    add(*selection.reference);
  }
  for (const SelectedPlugin& feature : selection.features) {
    add(feature);
  }
  return versions;
}

} // namespace octet
