// precision.measure: times the candidate of `auto` against the reference
// backend, or reads a stored table, and lets the timings decide.
#pragma once

#include "core/config/run_config.h"
#include "core/report/environment.h"
#include "core/resolve/plan.h"
#include "core/spec/model_spec.h"

#include <c10/core/Device.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace octet {

inline constexpr const char* kTimingsFile = "timings.json";

/// The table to read: the run directory's own when a run is resumed, so that
/// it goes on with the same backends; else precision.timings; nothing when
/// this run measures.
/// @throws Failure(input) when a resumed run has none
std::optional<std::filesystem::path> stored_timings(
    const RunConfig& config,
    bool resume);

/// Measures or reads, notes what differs, and settles selection and verdicts.
/// Does nothing unless the selection has a reference backend.
/// @param device where GEMMs are measured
/// @param head_chunk_bytes as in the plan's PlaceSettings
/// @param verdicts of all plugins on the model's sites
/// @throws Failure(resolution) when a stored table is of something else, with
/// every difference
void settle_measured_auto(
    const RunConfig& config,
    const ModelSpec& spec,
    const Environment& environment,
    const at::Device& device,
    int64_t head_chunk_bytes,
    bool resume,
    Selection& selection,
    std::vector<SiteVerdicts>& verdicts);

} // namespace octet
