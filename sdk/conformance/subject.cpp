// From a file to a subject. The catalog of the file's folder is the host's own
// first gate, so a file that passes here is one that a run would take.
#include "sdk/conformance/subject.h"

#include "core/base/problems.h"
#include "sdk/conformance/check.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace octet::conformance {
namespace {

using Value = decltype(OptionValue::value);

/// Where run.toml has the plugin's options.
std::string table_name(const Manifest& manifest) {
  return (manifest.kind == PluginKind::precision ? "precision." : "features.") +
      manifest.name;
}

/// A value as it is written in TOML; what is no JSON either is a bare word.
Value parse_value(const std::string& text, OptionType type) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  if (type == OptionType::string && !value.is_string()) {
    return text;
  }
  if (value.is_boolean()) {
    return value.get<bool>();
  }
  if (value.is_number_integer()) {
    return value.get<int64_t>();
  }
  if (value.is_number()) {
    return value.get<double>();
  }
  const bool texts = value.is_array() &&
      std::all_of(value.begin(), value.end(), [](const nlohmann::json& item) {
                       return item.is_string();
                     });
  if (texts) {
    return value.get<std::vector<std::string>>();
  }
  return value.is_string() ? value.get<std::string>() : text;
}

} // namespace

CatalogEntry inspect_file(const std::filesystem::path& file) {
  const std::filesystem::path path = std::filesystem::canonical(file);
  const Catalog catalog = build_catalog({{path.parent_path(), "conformance"}});
  for (CatalogEntry entry : catalog.entries) {
    if (entry.path != path) {
      continue;
    }
    if (entry.status == PluginStatus::rejected) {
      fail(entry.reason);
    }
    entry.status = PluginStatus::ready;
    entry.reason.clear();
    return entry;
  }
  fail("expected a file with the extension .so");
}

OptionTable complete_options(
    const Manifest& manifest,
    const std::map<std::string, std::string>& given) {
  OptionTable table;
  for (const auto& [name, text] : given) {
    const auto spec = manifest.options.find(name);
    const OptionType type =
        spec == manifest.options.end() ? OptionType::string : spec->second.type;
    table.values[name] = {parse_value(text, type), {"--set", 0}};
  }
  Problems problems;
  OptionTable complete =
      check_options(manifest, table, table_name(manifest), problems);
  problems.raise(ExitCode::usage, "conformance", "the options are wrong");
  return complete;
}

at::ScalarType compute_dtype(const Manifest& manifest) {
  return manifest.compute == "bf16" ? at::kBFloat16
      : manifest.compute == "fp16"  ? at::kHalf
                                    : at::kFloat;
}

double default_tolerance(at::ScalarType dtype) {
  return dtype == at::kFloat ? 1e-5 : dtype == at::kHalf ? 2e-3 : 1e-2;
}

} // namespace octet::conformance
