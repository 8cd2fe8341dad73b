// From a selection with two backends to one in which every site has its own.
#include "core/train/measured_auto.h"

#include "core/base/problems.h"
#include "core/io/input_file.h"
#include "core/model/guarded.h"
#include "core/plugin/loaded_plugin.h"
#include "core/resolve/decide_by_timings.h"
#include "core/train/measure_gemms.h"
#include "core/train/run_plugins.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <map>

namespace octet {

namespace fs = std::filesystem;

namespace {

// More would only repeat what the first ones show.
constexpr int64_t kMostMicrobatches = 4;

bool trains_base(const Selection& selection) {
  return std::none_of(
      selection.features.begin(),
      selection.features.end(),
      [](const SelectedPlugin& feature) {
        return feature.entry->manifest.freezes_base;
      });
}

/// What this run would measure, without times.
GemmTimings wanted_table(
    const RunConfig& config,
    const Environment& environment,
    const Selection& selection,
    const std::map<std::string, GemmShape>& shapes) {
  const SelectedPlugin& candidate = selection.precision;
  const Manifest& reference = selection.reference->entry->manifest;
  GemmTimings table;
  table.candidate = candidate.entry->manifest.name;
  table.candidate_version = candidate.entry->manifest.version;
  table.reference = reference.name;
  table.reference_version = reference.version;
  for (const auto& [name, option] : candidate.options.values) {
    table.options[name] = to_string(option.value);
  }
  table.device = environment.gpu.empty()
      ? environment.cpu + ", " + environment.cpu_capability
      : environment.gpu;
  table.libtorch = environment.libtorch;
  table.octet = environment.octet;
  table.threads = environment.threads;
  // With tokens_per_step the number changes from step to step.
  table.microbatches = config.train.tokens_per_step > 0
      ? 1
      : std::min(config.train.gradient_accumulation, kMostMicrobatches);
  for (const auto& [site, shape] : shapes) {
    const bool known = std::any_of(
        table.shapes.begin(), table.shapes.end(), [&](const GemmTiming& row) {
          return row.shape == shape;
        });
    if (!known) {
      table.shapes.push_back({shape, 0, 0});
    }
  }
  return table;
}

GemmTimings read_table(
    const fs::path& path,
    const GemmTimings& wanted,
    std::vector<std::string>& notes) {
  const std::string text = read_text_file(path, "timings");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const GemmTimings stored = parse_timings(json, path.string());
  const TimingDifferences found = compare_timings(stored, wanted);
  Problems problems;
  for (const std::string& difference : found.fatal) {
    problems.add(difference);
  }
  problems.raise(
      ExitCode::resolution,
      "timings",
      path.string() +
          " is not a table of this run; measure again by removing "
          "precision.timings");
  for (const std::string& note : found.notes) {
    notes.push_back("timings of " + path.string() + ": " + note);
  }
  GemmTimings used = stored;
  // Shapes that this run does not have decide nothing.
  std::erase_if(used.shapes, [&](const GemmTiming& row) {
    return std::none_of(
        wanted.shapes.begin(), wanted.shapes.end(), [&](const auto& other) {
          return other.shape == row.shape;
        });
  });
  return used;
}

/// A site of that shape whose input the fewest others of `shapes` read: the
/// verdict is for all sites of the shape, so the dearest cast counts.
MeasuredSite measured_site(
    const GemmShape& shape,
    const std::vector<Site>& sites,
    const std::map<std::string, GemmShape>& shapes) {
  std::map<std::string, int64_t> readers;
  for (const Site& site : sites) {
    readers[site.group] += static_cast<int64_t>(shapes.count(site.name));
  }
  MeasuredSite fewest;
  for (const Site& site : sites) {
    const auto found = shapes.find(site.name);
    const bool fits = found != shapes.end() && found->second == shape;
    const int64_t sharing = site.group.empty() ? 1 : readers[site.group];
    if (fits && (fewest.site.name.empty() || sharing < fewest.sharing)) {
      fewest = {shape, site, sharing};
    }
  }
  return fewest;
}

GemmTimings measure_table(
    const RunConfig& config,
    const std::vector<Site>& sites,
    const Selection& selection,
    const std::map<std::string, GemmShape>& shapes,
    const at::Device& device,
    GemmTimings table) {
  std::vector<MeasuredSite> measured;
  for (const GemmTiming& row : table.shapes) {
    measured.push_back(measured_site(row.shape, sites, shapes));
  }
  std::cout << "measuring " << table.candidate << " against " << table.reference
            << ": " << measured.size() << " GEMM shapes ...\n"
            << std::flush;
  // Of their own, so that the run's backends start without a history.
  const auto instance = [](const SelectedPlugin& selected) {
    return guarded(
        selected.entry->manifest.name,
        load_plugin(*selected.entry).create_precision(selected.options));
  };
  const auto candidate = instance(selection.precision);
  const auto reference = instance(*selection.reference);
  MeasureSettings settings;
  settings.compute_dtype =
      compute_dtype_of(selection.precision.entry->manifest);
  settings.device = device;
  settings.microbatches = table.microbatches;
  settings.seed = config.run.seed;
  table.shapes = measure_gemms(*candidate, *reference, measured, settings);
  return table;
}

} // namespace

std::optional<fs::path> stored_timings(const RunConfig& config, bool resume) {
  if (!resume) {
    return config.precision.timings.empty()
        ? std::nullopt
        : std::optional(config.precision.timings);
  }
  const fs::path own = config.run.output / kTimingsFile;
  if (!fs::exists(own)) {
    throw Failure(
        ExitCode::input,
        "resume",
        "expected the timings that the run was planned with in " +
            own.string() +
            ", found no such file; another measurement could choose other "
            "backends: put the file back, or start a new run");
  }
  return own;
}

void settle_measured_auto(
    const RunConfig& config,
    const ModelSpec& spec,
    const Environment& environment,
    const at::Device& device,
    int64_t head_chunk_bytes,
    bool resume,
    Selection& selection,
    std::vector<SiteVerdicts>& verdicts) {
  if (!selection.reference) {
    return;
  }
  const std::vector<Site> sites = spec.sites();
  const std::map<std::string, GemmShape> shapes = measured_shapes(
      sites,
      verdicts_of(verdicts, selection.precision.entry->manifest.name),
      verdicts_of(verdicts, selection.reference->entry->manifest.name),
      config.train.batch_size * config.data.max_length,
      head_chunk_rows(spec.vocab_size, head_chunk_bytes),
      trains_base(selection));
  const GemmTimings wanted =
      wanted_table(config, environment, selection, shapes);
  const auto stored = stored_timings(config, resume);
  const GemmTimings timings = stored
      ? read_table(*stored, wanted, selection.notes)
      : measure_table(config, sites, selection, shapes, device, wanted);
  settle_by_timings(
      timings,
      {config.precision.measure_margin,
       stored ? "read from " + stored->string() : "measured now",
       config.train.stage},
      sites,
      shapes,
      selection,
      verdicts);
}

} // namespace octet
