// What [watch] saw of a run's low-precision casts: as events, read back, and
// as a part of the report.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// One cast of one operand of a layer's GEMMs.
struct CastRecord {
  std::string site;
  /// "input", "weight" or "grad_output".
  std::string tensor;
  double amax = 0, scale = 0;
  /// Parts of the elements, 0 to 1.
  double underflow = 0, overflow = 0;
  /// Infinite for an exact cast.
  double sqnr_db = 0;
};

struct WatchedStep {
  int64_t step = 0;
  std::vector<CastRecord> casts;
};

struct WatchLimits {
  double overflow = 0, underflow = 0;
};

/// Fields of the event `watch`.
nlohmann::json watch_fields(const WatchedStep& watched);

/// The watched steps of an event log, in the order of the steps; one that a
/// resumed run did again counts as done last.
std::vector<WatchedStep> read_watch_history(const std::filesystem::path& path);

/// HTML: plots over the steps and the casts of the last step, worst first, with
/// every one of them that passed a limit at any step; "" when nothing was
/// watched.
std::string watch_report(
    const std::vector<WatchedStep>& history,
    const WatchLimits& limits);

} // namespace octet
