// trainer plugins inspect: what one plugin's file says, for people, scripts and
// conditions in scripts.
#include "core/base/problems.h"
#include "core/base/terminal.h"
#include "core/plugin/inspect.h"
#include "core/plugin/version.h"
#include "core/plugin/words.h"
#include "tools/trainer/option_help.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"

#include <nlohmann/json.hpp>

#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins inspect",
      "NAME [--json] | NAME --exists [--at-least VERSION]",
      "A plugin's manifest, how to write its options in run.toml, and whether "
      "its build\nfits. No code of the plugin runs. With --exists or "
      "--at-least "
      "nothing is printed:\nthe exit code is 0 when the plugin can be used (in "
      "that version or a later one),\nelse 3, with the reason on the standard "
      "error.",
      {{"trainer plugins inspect lora", "everything about one plugin"},
       {"trainer plugins inspect lora --at-least 0.2.0 || exit 1",
        "a condition in a script"}});
  line.options().add_options()("json", "an object")(
      "exists", "say by the exit code whether the plugin can be used")(
      "at-least",
      po::value<std::string>()->value_name("VERSION"),
      "the same, for this version or a later one");
  add_discovery_options(line.options());
  line.positional("name", 1);
  return line;
}

void row(const char* name, const std::string& value) {
  if (!value.empty()) {
    std::string text = "  " + std::string(name);
    text.resize(14, ' ');
    std::cout << text << value << "\n";
  }
}

void print_relation(const Relation& relation) {
  std::cout << "  " << verdict_name(relation.verdict) << " with "
            << join_names(relation.with);
  if (!relation.when.empty()) {
    std::cout << " when " << relation.when;
  }
  if (!relation.after.empty()) {
    std::cout << ", after " << relation.after;
  }
  std::cout << "\n";
  if (!relation.reason.empty()) {
    std::cout << "    " << relation.reason << "\n";
  }
  if (!relation.way_out.empty()) {
    std::cout << "    way out: " << relation.way_out << "\n";
  }
}

// What [plugins.pin] takes; "" for a file that cannot be read any more.
std::string digest_of(const CatalogEntry& entry) {
  try {
    return "sha256:" + digest_file(entry.path).sha256;
  } catch (const Error&) {
    return "";
  }
}

// Any of them is enough, so not join_names.
std::string alternatives(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    text += (text.empty() ? "" : " or ") + item;
  }
  return text;
}

void print_facts(const CatalogEntry& entry) {
  const Manifest& manifest = entry.manifest;
  row("file", entry.path.string());
  row("digest", digest_of(entry));
  row("found by", entry.origin);
  row("license", manifest.license);
  row("compute", manifest.compute);
  row("provides", join_names(manifest.provides));
  row("claims", join_names(manifest.claims));
  row("reads", join_names(manifest.reads));
  row("stores", join_names(manifest.stores));
  if (manifest.kind == PluginKind::precision) {
    row("rank", std::to_string(manifest.rank));
    row("auto", manifest.automatic ? "may choose it" : "never chooses it");
  }
  row("needs", manifest.needs.device);
  row("capability", alternatives(manifest.needs.capability));
}

void print(const CatalogEntry& entry, const Style& style) {
  const Manifest& manifest = entry.manifest;
  const std::string status = status_name(entry.status);
  std::cout << style.bold(manifest.name) << " " << manifest.version << "  ("
            << to_string(manifest.kind) << ", "
            << (entry.status == PluginStatus::ready ? style.green(status)
                                                    : style.red(status))
            << ")\n";
  if (!manifest.summary.empty()) {
    std::cout << "  " << manifest.summary << "\n";
  }
  std::cout << "\n";
  print_facts(entry);
  if (entry.status != PluginStatus::ready) {
    std::cout << "\nWhy it is " << status_name(entry.status) << ":\n"
              << indented(entry.reason, "  ");
  }
  const std::vector<std::string> differences =
      fingerprint_differences(entry.build, host_fingerprint());
  std::cout << "\nBuild: "
            << (differences.empty() ? "fits this trainer\n"
                                    : "differs from this trainer\n");
  for (const std::string& difference : differences) {
    std::cout << "  " << difference << "\n";
  }
  if (!manifest.relations.empty()) {
    std::cout << "\nRelations:\n";
    for (const Relation& relation : manifest.relations) {
      print_relation(relation);
    }
  }
  std::cout << "\nOptions, in run.toml under [" << table_of(manifest) << "]:\n"
            << options_text(manifest);
}

nlohmann::ordered_json options_json(const Manifest& manifest) {
  using Json = nlohmann::ordered_json;
  const auto value = [](const auto& held) { return Json(held); };
  Json options = Json::object();
  for (const auto& [key, option] : manifest.options) {
    Json item = {
        {"type", to_string(option.type)},
        {"default", std::visit(value, option.default_value)},
        {"help", option.help}};
    if (!option.one_of.empty()) {
      item["one_of"] = option.one_of;
    }
    if (option.minimum) {
      item["minimum"] = *option.minimum;
    }
    if (option.maximum) {
      item["maximum"] = *option.maximum;
    }
    options[key] = item;
  }
  return options;
}

void print_json(const CatalogEntry& entry) {
  using Json = nlohmann::ordered_json;
  const Manifest& manifest = entry.manifest;
  Json relations = Json::array();
  for (const Relation& relation : manifest.relations) {
    relations.push_back(
        {{"with", relation.with},
         {"verdict", verdict_name(relation.verdict)},
         {"reason", relation.reason},
         {"way_out", relation.way_out},
         {"when", relation.when},
         {"after", relation.after}});
  }
  const Json all = {
      {"name", manifest.name},
      {"kind", to_string(manifest.kind)},
      {"version", manifest.version},
      {"summary", manifest.summary},
      {"license", manifest.license},
      {"status", status_name(entry.status)},
      {"reason", entry.reason},
      {"origin", entry.origin},
      {"path", entry.path.string()},
      {"digest", digest_of(entry)},
      {"compute", manifest.compute},
      {"provides", manifest.provides},
      {"claims", manifest.claims},
      {"reads", manifest.reads},
      {"stores", manifest.stores},
      {"rank", manifest.rank},
      {"automatic", manifest.automatic},
      {"reference", manifest.reference},
      {"freezes_base", manifest.freezes_base},
      {"adapter_format", manifest.adapter_format},
      {"needs",
       {{"device", manifest.needs.device},
        {"capability", manifest.needs.capability}}},
      {"relations", relations},
      {"options", options_json(manifest)},
      {"build_differences",
       fingerprint_differences(entry.build, host_fingerprint())}};
  std::cout << all.dump(2, ' ', false, Json::error_handler_t::replace) << "\n";
}

/// @throws Failure(resolution) that says why not
void require_usable(
    const Catalog& catalog,
    const std::string& name,
    const std::string& at_least) {
  const auto refuse = [](const std::string& text) {
    throw Failure(ExitCode::resolution, "plugins", text);
  };
  const CatalogEntry* entry = catalog.find_any(name);
  if (entry == nullptr) {
    const KnownPlugin* known = catalog.find_known(name);
    refuse(
        known != nullptr ? how_to_get(*known) : "there is no plugin " + name);
  } else if (entry->status != PluginStatus::ready) {
    refuse(
        "plugin " + name + " (" + entry->path.string() + ") is " +
        status_name(entry->status) + ": " + entry->reason);
  } else if (
      !at_least.empty() &&
      compare_versions(entry->manifest.version, at_least) < 0) {
    refuse(
        "expected plugin " + name + " in version " + at_least +
        " or later, found " + entry->manifest.version + " (" +
        entry->path.string() + ")");
  }
}

} // namespace

ExitCode inspect_plugin(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const std::vector<std::string> names = line.all("name");
  line.expect(!names.empty(), "NAME", "the name of a plugin", "none");
  const std::string at_least =
      line.has("at-least") ? line.get<std::string>("at-least") : "";
  line.expect(
      !line.has("at-least") || is_version(at_least),
      "--at-least",
      "a version such as 1.2.3",
      "\"" + at_least + "\"");
  const Catalog catalog = discover(line);
  if (line.has("exists") || line.has("at-least")) {
    require_usable(catalog, names.front(), at_least);
    return ExitCode::success;
  }
  const CatalogEntry& entry = find_plugin(catalog, names.front());
  if (line.has("json")) {
    print_json(entry);
  } else {
    print(entry, Style::standard_output());
  }
  return ExitCode::success;
}

} // namespace octet
