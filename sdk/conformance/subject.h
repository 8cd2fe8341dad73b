// The plugin under examination: its file through the host's own gates, the
// options it is created with, and how exact it has to be.
#pragma once

#include "core/plugin/loaded_plugin.h"

#include <octet/feature.h>
#include <octet/precision.h>

#include <ATen/core/ScalarType.h>

#include <filesystem>
#include <map>
#include <string>

namespace octet::conformance {

struct Settings {
  std::filesystem::path file;
  /// Options of the plugin that are not at their defaults, as TOML values.
  std::map<std::string, std::string> options;
  /// Largest relative error; 0 = by the compute dtype.
  double tolerance = 0;
};

/// The file as the catalog sees it; ready even if its name is taken by another
/// file of the folder.
/// @throws Error with every reason why the file is rejected
CatalogEntry inspect_file(const std::filesystem::path& file);

/// Complete options: the defaults, changed by `given`.
/// @throws Error naming every wrong one
OptionTable complete_options(
    const Manifest& manifest,
    const std::map<std::string, std::string>& given);

/// The dtype that the manifest's `compute` names; fp32 for a feature.
at::ScalarType compute_dtype(const Manifest& manifest);

/// Relative error that rounding to `dtype` may cause, with room for sums:
/// fp32 1e-5, fp16 2e-3, bf16 1e-2.
double default_tolerance(at::ScalarType dtype);

struct Subject {
  const CatalogEntry& entry;
  LoadedPlugin& plugin;
  const OptionTable& options;
  at::ScalarType dtype;
  double tolerance;

  std::shared_ptr<PrecisionBackend> backend() const {
    return plugin.create_precision(options);
  }
  std::shared_ptr<Feature> feature() const {
    return plugin.create_feature(options);
  }
};

class Recorder;

/// All checks of one file. @returns whether the plugin can be used here
bool examine(const Settings& settings, Recorder& recorder);

/// @param given complete; one value after another is changed
void check_options_of(
    const Manifest& manifest,
    const OptionTable& given,
    LoadedPlugin& plugin,
    Recorder& recorder);
/// @param file already loaded
void check_exceptions(
    const CatalogEntry& entry,
    const OptionTable& options,
    Recorder& recorder);
void check_precision(const Subject& subject, Recorder& recorder);
void check_feature(const Subject& subject, Recorder& recorder);

} // namespace octet::conformance
