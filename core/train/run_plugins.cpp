// Life of the plugins within a run.
#include "core/train/run_plugins.h"

#include "core/base/problems.h"
#include "core/model/guarded.h"
#include "core/plugin/loaded_plugin.h"

namespace octet {

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
  const SelectedPlugin& precision = selection.precision;
  plugins.backend_name = precision.entry->manifest.name;
  plugins.compute_dtype = compute_dtype_of(precision.entry->manifest);
  plugins.backend = guarded(
      plugins.backend_name,
      load_plugin(*precision.entry).create_precision(precision.options));
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
  ask(plugins.backend_name, *plugins.backend);
  for (const RunFeature& feature : plugins.features) {
    ask(feature.name, *feature.feature);
  }
  return all;
}

void apply_plugins(
    const RunPlugins& plugins,
    const Plan& plan,
    Decoder& decoder) {
  std::vector<LedgerEntry> ledger =
      decoder.use_backend(plugins.backend_name, *plugins.backend, plan);
  for (const RunFeature& feature : plugins.features) {
    const auto editor = decoder.editor(feature.name, plan, ledger);
    feature.feature->apply(*editor);
  }
  verify_ledger(plan, ledger);
}

State plugin_state(const RunPlugins& plugins, const Decoder& decoder) {
  State state;
  for (const auto& [name, tensor] : decoder.backend_state()) {
    state.emplace_back("backend/" + name, tensor);
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
  for (const auto& [name, tensor] : state) {
    const size_t slash = name.find('/');
    const size_t second = name.find('/', slash + 1);
    const std::string owner = name.substr(0, slash);
    const std::string feature = name.substr(slash + 1, second - slash - 1);
    if (owner == "backend") {
      backend.emplace_back(name.substr(slash + 1), tensor);
    } else if (owner == "feature" && by_feature.contains(feature)) {
      by_feature[feature].emplace_back(name.substr(second + 1), tensor);
    } else {
      problems.add("state " + name + " belongs to no plugin of this run");
    }
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
  for (const SelectedPlugin& feature : selection.features) {
    add(feature);
  }
  return versions;
}

} // namespace octet
