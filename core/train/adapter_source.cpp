// Reads adapter_config.json as far as every format shares it.
#include "core/train/adapter_source.h"

#include "core/base/problems.h"
#include "core/plugin/loaded_plugin.h"
#include "core/train/result_folder.h"

#include <nlohmann/json.hpp>

namespace octet {

namespace fs = std::filesystem;

namespace {

std::string
text_of(const nlohmann::json& config, const char* key, const fs::path& folder) {
  if (!config.is_object() || !config.contains(key) ||
      !config[key].is_string()) {
    throw Failure(
        ExitCode::input,
        "adapter",
        "expected the text " + std::string(key) + " in " +
            (folder / "adapter_config.json").string() +
            ", found none; is this folder an adapter?");
  }
  return config[key];
}

fs::path find_base(
    const std::string& named,
    const fs::path& folder,
    const std::optional<fs::path>& base) {
  if (base) {
    return *base;
  }
  for (const fs::path& candidate : {fs::path(named), folder / named}) {
    if (!named.empty() && fs::exists(candidate)) {
      return candidate;
    }
  }
  throw Failure(
      ExitCode::input,
      "adapter",
      "expected the base model of " + folder.string() + " at \"" + named +
          "\" (base_model_name_or_path), found nothing there; give its place "
          "with --base");
}

SelectedPlugin find_plugin(const std::string& format, const Catalog& catalog) {
  std::vector<std::string> known;
  for (const std::string& name : catalog.names(PluginKind::feature)) {
    const CatalogEntry* entry = catalog.find(name);
    const Manifest& manifest = entry->manifest;
    if (manifest.adapter_format == format) {
      Problems problems;
      OptionTable options =
          check_options(manifest, {}, "features." + name, problems);
      problems.raise(ExitCode::resolution, "resolve", "the plugin's defaults");
      return {entry, std::move(options), "the adapter's format"};
    }
    if (!manifest.adapter_format.empty()) {
      known.push_back(manifest.adapter_format);
    }
  }
  throw Failure(
      ExitCode::resolution,
      "adapter",
      "expected a plugin that reads adapters of type " + format + ", found " +
          (known.empty() ? "none for any type" : "only " + join_names(known)) +
          "; give the plugin's folder with --plugin-path");
}

} // namespace

AdapterSource open_adapter(
    const fs::path& folder,
    const std::optional<fs::path>& base,
    const Catalog& catalog) {
  AdapterSource source;
  source.files = read_adapter_files(folder);
  const auto config =
      nlohmann::json::parse(source.files.config_json, nullptr, false);
  source.plugin = find_plugin(text_of(config, "peft_type", folder), catalog);
  source.base = find_base(
      base ? "" : text_of(config, "base_model_name_or_path", folder),
      folder,
      base);
  return source;
}

} // namespace octet
