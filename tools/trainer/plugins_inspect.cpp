// trainer plugins inspect: what one plugin's file says.
#include "core/base/problems.h"
#include "core/plugin/inspect.h"
#include "tools/trainer/option_help.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"

#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins inspect",
      "NAME",
      "A plugin's manifest, how to write its options in run.toml, and whether "
      "its build\nfits. No code of the plugin runs.",
      {{"trainer plugins inspect lora", "everything about one plugin"}});
  add_plugin_path_option(line.options());
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

void print_facts(const CatalogEntry& entry) {
  const Manifest& manifest = entry.manifest;
  row("file", entry.path.string());
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
  row("capability", join_names(manifest.needs.capability));
}

void print(const CatalogEntry& entry) {
  const Manifest& manifest = entry.manifest;
  std::cout << manifest.name << " " << manifest.version << "  ("
            << to_string(manifest.kind) << ", " << status_name(entry.status)
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

} // namespace

ExitCode inspect_plugin(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const std::vector<std::string> names = line.all("name");
  line.expect(!names.empty(), "NAME", "the name of a plugin", "none");
  const Catalog catalog =
      build_catalog(plugin_folders(plugin_path_of(line), {}));
  print(find_plugin(catalog, names.front()));
  return ExitCode::success;
}

} // namespace octet
