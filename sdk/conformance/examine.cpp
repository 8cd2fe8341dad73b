// The order of the checks, and those that every plugin goes through.
#include "sdk/conformance/check.h"
#include "sdk/conformance/process_state.h"
#include "sdk/conformance/subject.h"

#include <fmt/format.h>

#include <optional>

namespace octet::conformance {
namespace {

constexpr int kLives = 100;

/// Names of the checks that follow `after`, for a plugin of that kind.
std::vector<std::string> remaining(
    const std::string& after,
    const std::string& kind) {
  std::vector<std::string> names;
  bool behind = false;
  for (const CheckInfo& info : all_checks()) {
    const bool fits = info.of == "every plugin" || info.of == kind;
    if (behind && fits && info.name != "process" && info.name != "files") {
      names.push_back(info.name);
    }
    behind = behind || info.name == after;
  }
  return names;
}

std::string
check_probe(LoadedPlugin& plugin, const OptionTable& options, bool& usable) {
  const ProbeVerdict first = plugin.probe(options);
  usable = first.usable;
  const ProbeVerdict second = plugin.probe(options);
  expect(
      first.usable == second.usable && first.reason == second.reason,
      fmt::format(
          "expected one verdict of two probes, found {} (\"{}\") and then {} "
          "(\"{}\")",
          first.usable ? "usable" : "not usable",
          first.reason,
          second.usable ? "usable" : "not usable",
          second.reason));
  expect(
      first.usable || !first.reason.empty(),
      "expected a reason beside \"not usable\", found none");
  return first.reason;
}

/// An instance, whichever kind.
std::shared_ptr<void> create(const Subject& subject) {
  if (subject.entry.manifest.kind == PluginKind::precision) {
    return subject.backend();
  }
  return subject.feature();
}

std::string check_create(const Subject& subject) {
  for (int i = 0; i < kLives; ++i) {
    create(subject);
  }
  const std::shared_ptr<void> first = create(subject);
  const std::shared_ptr<void> second = create(subject);
  expect(first != second, "two calls of create gave one object");
  return "";
}

void examine_loaded(
    const Settings& settings,
    const CatalogEntry& entry,
    LoadedPlugin& plugin,
    const OptionTable& options,
    bool& usable,
    Recorder& recorder) {
  const std::string kind = to_string(entry.manifest.kind);
  recorder.run("probe", [&] { return check_probe(plugin, options, usable); });
  if (!usable) {
    recorder.skip(remaining("probe", kind), "the plugin cannot be used here");
    return;
  }
  const at::ScalarType dtype = compute_dtype(entry.manifest);
  const Subject subject{
      entry,
      plugin,
      options,
      dtype,
      settings.tolerance > 0 ? settings.tolerance : default_tolerance(dtype)};
  const bool created =
      recorder.run("create", [&] { return check_create(subject); });
  check_options_of(entry.manifest, options, plugin, recorder);
  check_exceptions(entry, options, recorder);
  if (!created) {
    recorder.skip(remaining("exceptions", kind), "nothing was created");
  } else if (entry.manifest.kind == PluginKind::precision) {
    check_precision(subject, recorder);
  } else {
    check_feature(subject, recorder);
  }
}

} // namespace

bool examine(const Settings& settings, Recorder& recorder) {
  const ProcessState before = process_state();
  std::optional<CatalogEntry> entry;
  LoadedPlugin* plugin = nullptr;
  bool usable = true;
  OptionTable options;
  const bool inspected = recorder.run("inspect", [&] {
    entry = inspect_file(settings.file);
    options = complete_options(entry->manifest, settings.options);
    return fmt::format(
        "{} {} {}",
        to_string(entry->manifest.kind),
        entry->manifest.name,
        entry->manifest.version);
  });
  const bool loaded = inspected && recorder.run("load", [&] {
    plugin = &load_plugin(*entry);
    return std::string();
  });
  if (loaded) {
    examine_loaded(settings, *entry, *plugin, options, usable, recorder);
    recorder.run("process", [&] {
      expect_unchanged(before, process_state());
      return std::string();
    });
  }
  return usable;
}

} // namespace octet::conformance
