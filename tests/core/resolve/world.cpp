// Worlds made of manifests; see the header.
#include "tests/core/resolve/world.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>

namespace octet::world {

namespace {

std::string identity(const std::string& name, const std::string& kind) {
  return "[plugin]\nname = \"" + name + "\"\nkind = \"" + kind +
      "\"\nversion = \"0.1.0\"\nsummary = \"for tests\"\n"
      "license = \"Apache-2.0\"\n";
}

} // namespace

std::string
precision_toml(const std::string& name, int rank, const std::string& more) {
  return identity(name, "precision") +
      "compute = \"bf16\"\nrank = " + std::to_string(rank) + "\n" + more;
}

std::string feature_toml(const std::string& name, const std::string& more) {
  // One that claims nothing is refused; most tests do not care for what.
  const bool claims = more.find("claims = ") != std::string::npos;
  return identity(name, "feature") +
      (claims ? "" : "claims = [\"step_end\"]\n") + more;
}

std::string relation_toml(
    const std::string& with,
    const std::string& verdict,
    const std::string& more) {
  return "[[relation]]\nwith = " + with + "\nverdict = \"" + verdict +
      "\"\nreason = \"they fight\"\nway_out = \"Drop one\"\n" + more;
}

std::vector<std::string> feature_names(const Selection& selection) {
  std::vector<std::string> names;
  for (const SelectedPlugin& feature : selection.features) {
    names.push_back(feature.entry->manifest.name);
  }
  return names;
}

std::vector<std::string> rows(const Selection& selection) {
  std::vector<std::string> rows;
  for (const Candidate& row : selection.candidates) {
    rows.push_back(row.name + " | " + row.verdict + " | " + row.reason);
  }
  return rows;
}

const std::string& chosen(const Selection& selection) {
  return selection.precision.entry->manifest.name;
}

CatalogEntry& World::add(const std::string& toml) {
  CatalogEntry entry;
  entry.manifest = parse_manifest(toml, "test");
  entry.path = "/plugins/" + entry.manifest.name + ".so";
  entry.origin = "installed";
  catalog.entries.push_back(entry);
  return catalog.entries.back();
}

CatalogEntry& World::add_rejected(
    const std::string& toml,
    const std::string& reason) {
  CatalogEntry& entry = add(toml);
  entry.status = PluginStatus::rejected;
  entry.reason = reason;
  return entry;
}

void World::use_feature(const std::string& name, int line) {
  config.features[name].place = {"run.toml", line};
}

void World::set_option(
    OptionTable& table,
    const std::string& key,
    decltype(OptionValue::value) value,
    int line) {
  table.place = {"run.toml", line - 1};
  table.values[key] = {std::move(value), {"run.toml", line}};
}

Selection World::select() {
  probed.clear();
  const auto probe = [&](const CatalogEntry& entry, const OptionTable&) {
    const std::string& name = entry.manifest.name;
    probed.push_back(name);
    if (broken_probes.count(name) > 0) {
      throw Failure(
          ExitCode::resolution, "plugin " + name, broken_probes.at(name));
    }
    return probes.count(name) > 0 ? probes.at(name) : ProbeVerdict{true, ""};
  };
  return select_plugins(config, catalog, host, probe);
}

std::string World::problem() {
  try {
    select();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::resolution);
    return failure.what();
  }
  ADD_FAILURE() << "expected select to throw";
  return "";
}

World backends() {
  World world;
  world.add(precision_toml("plain", 10, "reference = true\n"));
  world.add(precision_toml("exact", 90, "automatic = false\n"));
  world.add(precision_toml(
      "eight",
      50,
      "provides = [\"fp8\"]\n"
      "[needs]\ndevice = \"cuda\"\ncapability = [\"8.9\", \">=9.0\"]\n"
      "[options.emulate]\ntype = \"boolean\"\ndefault = false\n"
      "help = \"without the hardware\"\n"
      "[options.recipe]\ntype = \"string\"\n"
      "one_of = [\"tensorwise\", \"rowwise\"]\ndefault = \"rowwise\"\n"
      "help = \"scaling\"\n"));
  world.config.precision.place = {"run.toml", 9};
  return world;
}

} // namespace octet::world
