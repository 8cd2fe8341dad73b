// Catalogs, machines and runs for the resolve tests, made from manifests alone:
// no file is read and no plugin is loaded.
#pragma once

#include "core/resolve/selection.h"

#include <map>
#include <string>
#include <vector>

namespace octet::world {

/// A manifest of that name, with the required keys filled in.
/// @param more further lines of [plugin], then other tables; a feature that
/// claims nothing there claims step_end
std::string
precision_toml(const std::string& name, int rank, const std::string& more = "");
std::string feature_toml(const std::string& name, const std::string& more = "");

/// A relation whose reason is "they fight" and whose way out is "Drop one".
/// @param with TOML: "\"a\"" or "[\"a\", \"b\"]"
/// @param more further lines of the relation, then other tables
std::string relation_toml(
    const std::string& with,
    const std::string& verdict,
    const std::string& more = "");

/// Names of the selected features, in their order.
std::vector<std::string> feature_names(const Selection& selection);

/// The table of candidates: "name | verdict | reason".
std::vector<std::string> rows(const Selection& selection);
/// The name of the selected backend.
const std::string& chosen(const Selection& selection);

/// Everything that select() looks at; the members are set by the tests.
struct World {
  RunConfig config;
  Catalog catalog;
  OctetHost host{};
  /// What probes say; a plugin that is not here is usable.
  std::map<std::string, ProbeVerdict> probes;
  /// Plugins whose probe throws, with the message.
  std::map<std::string, std::string> broken_probes;
  /// Plugins that were probed, in order.
  std::vector<std::string> probed;

  /// Adds a ready plugin. @throws what parse_manifest throws
  CatalogEntry& add(const std::string& toml);
  CatalogEntry& add_rejected(
      const std::string& toml,
      const std::string& reason);
  void use_feature(const std::string& name, int line = 20);
  void set_option(
      OptionTable& table,
      const std::string& key,
      decltype(OptionValue::value) value,
      int line = 21);

  Selection select();
  /// What select() throws; a failed expectation when it throws nothing.
  std::string problem();
};

/// plain (rank 10, reference), exact (rank 90, by name only), eight (rank 50,
/// provides fp8, needs CUDA, can emulate).
World backends();

} // namespace octet::world
