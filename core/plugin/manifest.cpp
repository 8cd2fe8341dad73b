// plugin.toml to a Manifest. The text comes out of a file that may be anything,
// so every key, type and value is checked, and all problems are told at once.
#include "core/plugin/manifest.h"

#include "core/base/problems.h"
#include "core/plugin/condition.h"
#include "core/plugin/manifest_table.h"
#include "core/plugin/words.h"

#include <toml++/toml.h>

#include <algorithm>
#include <array>

namespace octet {

namespace {

const std::vector<std::string> kExclusiveSlots = {
    "gemm",
    "weight",
    "weight_transform",
    "input_transform"};

void check_names(
    const ManifestTable& table,
    const char* key,
    const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (!is_name(name)) {
      table.problem(
          key,
          "expected names of lower-case letters, digits, - and _, found \"" +
              name + "\"");
    }
  }
}

// @returns whether the kind is known
bool read_identity(ManifestTable& table, Manifest& manifest) {
  manifest.name = table.required_text("name");
  if (!manifest.name.empty() && !is_name(manifest.name)) {
    table.problem(
        "name",
        "expected at most 64 lower-case letters, digits, - and _, found \"" +
            manifest.name + "\"");
  }
  if (manifest.name == "auto") {
    table.problem("name", "\"auto\" is a choice of run.toml; take another");
  }
  const std::string kind =
      table.required_choice("kind", {"precision", "feature"});
  manifest.kind =
      kind == "precision" ? PluginKind::precision : PluginKind::feature;
  manifest.version = table.required_text("version");
  if (!manifest.version.empty() && !is_version(manifest.version)) {
    table.problem(
        "version",
        "expected a version such as 1.2.3, found \"" + manifest.version + "\"");
  }
  manifest.summary = table.required_text("summary");
  manifest.license = table.required_text("license");
  return !kind.empty();
}

void read_claims(ManifestTable& table, Manifest& manifest) {
  manifest.provides = table.texts("provides", {});
  check_names(table, "provides", manifest.provides);
  const bool precision = manifest.kind == PluginKind::precision;
  manifest.claims = table.texts(
      "claims",
      precision ? std::vector<std::string>{"gemm"}
                : std::vector<std::string>{});
  std::vector<std::string> slots = kExclusiveSlots;
  slots.push_back("adapter");
  for (const std::string& claim : manifest.claims) {
    const bool op = is_op(claim);
    const bool known =
        std::find(slots.begin(), slots.end(), claim) != slots.end();
    if (!op && !known && !is_hook(claim)) {
      std::vector<std::string> words = slots;
      words.push_back("step_end");
      const std::string nearest = nearest_name(claim, words);
      table.problem(
          "claims",
          "expected slots (" + join_names(slots) +
              "), step_end or op:<name>, found \"" + claim + "\"" +
              (nearest.empty() ? "" : "; did you mean " + nearest + "?"));
    }
    if (std::count(manifest.claims.begin(), manifest.claims.end(), claim) > 1) {
      table.problem("claims", "\"" + claim + "\" stands there twice");
      break;
    }
  }
  const bool gemm =
      std::find(manifest.claims.begin(), manifest.claims.end(), "gemm") !=
      manifest.claims.end();
  if (precision && !gemm) {
    table.problem("claims", "a precision plugin claims \"gemm\"; add it");
  }
  if (precision &&
      std::any_of(manifest.claims.begin(), manifest.claims.end(), is_hook)) {
    table.problem(
        "claims",
        "a feature registers hooks such as step_end; a precision plugin has "
        "end_step()");
  }
}

void read_kind_keys(ManifestTable& table, Manifest& manifest, bool known) {
  if (!known) {
    // Which keys belong here cannot be told; the wrong kind has been.
    table.ignore(
        {"compute",
         "reads",
         "rank",
         "automatic",
         "reference",
         "stores",
         "freezes_base",
         "adapter_format"});
    return;
  }
  if (manifest.kind == PluginKind::precision) {
    manifest.compute =
        table.required_choice("compute", {"bf16", "fp16", "fp32"});
    manifest.reads = table.texts("reads", {"dense"});
    check_names(table, "reads", manifest.reads);
    manifest.rank = table.integer("rank", 0, 0, 1000);
    manifest.automatic = table.boolean("automatic", true);
    manifest.reference = table.boolean("reference", false);
    table.only_for(
        "kind feature", {"stores", "freezes_base", "adapter_format"});
  } else {
    manifest.stores = table.texts("stores", {});
    check_names(table, "stores", manifest.stores);
    manifest.freezes_base = table.boolean("freezes_base", false);
    manifest.adapter_format = table.text("adapter_format", "");
    table.only_for(
        "kind precision",
        {"compute", "reads", "rank", "automatic", "reference"});
  }
}

void read_needs(ManifestTable& table, Manifest& manifest) {
  manifest.needs.device = table.text("device", "");
  if (!manifest.needs.device.empty() && manifest.needs.device != "cuda") {
    table.problem(
        "device",
        "expected \"cuda\", or no such key for any device, found \"" +
            manifest.needs.device + "\"");
  }
  manifest.needs.capability = table.texts("capability", {});
  for (const std::string& capability : manifest.needs.capability) {
    if (!is_capability(capability)) {
      table.problem(
          "capability",
          "expected compute capabilities such as \"8.9\" or \">=9.0\", found "
          "\"" +
              capability + "\"");
    }
  }
  if (!manifest.needs.capability.empty() && manifest.needs.device.empty()) {
    table.problem("capability", "needs device = \"cuda\" beside it; add it");
  }
  table.finish();
}

using Value = decltype(OptionSpec::default_value);

void check_range(ManifestTable& table, const OptionSpec& spec, double value) {
  if ((spec.minimum && value < *spec.minimum) ||
      (spec.maximum && value > *spec.maximum)) {
    table.problem(
        "default",
        "expected a value between minimum and maximum, found " +
            to_string(Value(value)));
  }
}

void check_one_of(
    ManifestTable& table,
    const OptionSpec& spec,
    const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    if (!spec.one_of.empty() &&
        std::find(spec.one_of.begin(), spec.one_of.end(), value) ==
            spec.one_of.end()) {
      table.problem(
          "default",
          "expected one of " + join_names(spec.one_of) + ", found \"" + value +
              "\"");
    }
  }
}

void read_default(ManifestTable& table, OptionSpec& spec) {
  switch (spec.type) {
    case OptionType::boolean:
      spec.default_value = table.required_boolean("default");
      break;
    case OptionType::integer: {
      const int64_t value = table.required_integer("default");
      spec.default_value = value;
      check_range(table, spec, static_cast<double>(value));
      break;
    }
    case OptionType::real: {
      const double value = table.required_real("default");
      spec.default_value = value;
      check_range(table, spec, value);
      break;
    }
    case OptionType::string: {
      const std::string value = table.required_text("default", true);
      spec.default_value = value;
      check_one_of(table, spec, {value});
      break;
    }
    case OptionType::strings: {
      const std::vector<std::string> values = table.required_texts("default");
      spec.default_value = values;
      check_one_of(table, spec, values);
      break;
    }
  }
}

constexpr std::array<OptionType, 5> kOptionTypes = {
    OptionType::boolean,
    OptionType::integer,
    OptionType::real,
    OptionType::string,
    OptionType::strings};

OptionSpec read_option(ManifestTable& table) {
  OptionSpec spec;
  std::vector<std::string> names;
  for (OptionType type : kOptionTypes) {
    names.push_back(to_string(type));
  }
  const std::string type = table.required_choice("type", names);
  spec.help = table.required_text("help");
  const auto found = std::find(names.begin(), names.end(), type);
  if (found == names.end()) {
    table.ignore({"default", "one_of", "minimum", "maximum"});
    table.finish();
    return spec;
  }
  spec.type = kOptionTypes[static_cast<size_t>(found - names.begin())];
  if (spec.type == OptionType::string || spec.type == OptionType::strings) {
    spec.one_of = table.texts("one_of", {});
    table.only_for("an option that is a number", {"minimum", "maximum"});
  } else {
    table.only_for("an option that is a string", {"one_of"});
  }
  if (spec.type == OptionType::integer || spec.type == OptionType::real) {
    spec.minimum = table.optional_real("minimum");
    spec.maximum = table.optional_real("maximum");
    if (spec.minimum && spec.maximum && *spec.minimum > *spec.maximum) {
      table.problem("minimum", "is larger than maximum");
    }
  } else if (spec.type == OptionType::boolean) {
    table.only_for("an option that is a number", {"minimum", "maximum"});
  }
  read_default(table, spec);
  table.finish();
  return spec;
}

Relation read_relation(ManifestTable& table, const Manifest& manifest) {
  Relation relation;
  relation.after = table.text("after", "");
  // An order concerns its partner, so that one need not be named twice.
  relation.with = relation.after.empty()
      ? table.required_text_or_texts("with")
      : table.text_or_texts("with", {relation.after});
  check_names(table, "with", relation.with);
  const std::string verdict =
      table.choice("verdict", {"ok", "warn", "reject"}, "ok");
  relation.verdict = verdict == "reject" ? RelationVerdict::reject
      : verdict == "warn"                ? RelationVerdict::warn
                                         : RelationVerdict::ok;
  if (relation.verdict == RelationVerdict::ok) {
    relation.reason = table.text("reason", "");
  } else {
    relation.reason = table.required_text("reason");
  }
  if (relation.verdict == RelationVerdict::reject) {
    relation.way_out = table.required_text("way_out");
  } else {
    relation.way_out = table.text("way_out", "");
  }
  relation.when = table.text("when", "");
  try {
    check_condition(parse_condition(relation.when), manifest);
  } catch (const Error& error) {
    table.problem("when", error.message());
  }
  std::vector<std::string> partners = relation.with;
  partners.push_back(relation.after);
  const bool to_itself =
      std::find(partners.begin(), partners.end(), manifest.name) !=
      partners.end();
  if (to_itself) {
    table.problem(
        "with",
        "\"" + manifest.name + "\" is this plugin itself; name its partner");
  }
  table.finish();
  return relation;
}

} // namespace

Manifest parse_manifest(std::string_view text, const std::string& origin) {
  Problems problems;
  Manifest manifest;
  toml::table root_table;
  try {
    root_table = toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    throw Failure(
        ExitCode::resolution,
        "manifest",
        origin + ": expected TOML, line " +
            std::to_string(error.source().begin.line) + ": " +
            std::string(error.description()));
  }
  ManifestTable root(root_table, "", problems);
  if (auto plugin = root.required_table("plugin")) {
    const bool kind_known = read_identity(*plugin, manifest);
    read_claims(*plugin, manifest);
    read_kind_keys(*plugin, manifest, kind_known);
    plugin->finish();
  }
  if (auto needs = root.table("needs")) {
    read_needs(*needs, manifest);
  }
  if (auto options = root.table("options")) {
    for (const std::string& name : options->keys()) {
      if (!is_word(name, "_")) {
        options->problem(
            name, "expected lower-case letters, digits and _ in an option");
      }
      if (auto option = options->table(name)) {
        manifest.options[name] = read_option(*option);
      }
    }
    options->finish();
  }
  for (ManifestTable& relation : root.tables("relation")) {
    manifest.relations.push_back(read_relation(relation, manifest));
  }
  root.finish();
  problems.raise(
      ExitCode::resolution, "manifest", origin + " has a wrong manifest");
  return manifest;
}

} // namespace octet
