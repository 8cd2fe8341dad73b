// [watch]: which steps and layers are looked at, what is recorded, and when a
// warning is due.
#pragma once

#include "core/config/run_config.h"
#include "core/model/decoder.h"
#include "core/report/watch_report.h"
#include "core/resolve/plan.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace octet {

class CastWatch {
 public:
  /// @throws Failure(usage) for a pattern that fits no layer computed by a
  /// plugin
  /// @throws Failure(resolution) when every layer to watch is computed by a
  /// reference backend, which casts nothing
  CastWatch(const WatchSection& settings, const Plan& plan);

  /// The first step of a run and every N-th one.
  bool due(int64_t step) const;

  /// The watched layers among `statistics`.
  /// @throws Failure(resolution) when none of them cast anything: what was
  /// asked for is not there to be seen
  WatchedStep record(int64_t step, const std::vector<SiteCasts>& statistics)
      const;

  /// Sentences about casts that passed a limit for the first time.
  std::vector<std::string> new_warnings(const WatchedStep& watched);
  /// How often limits were passed again; "" when never.
  std::string closing_warning() const;

  WatchLimits limits() const {
    return {settings_.overflow_limit, settings_.underflow_limit};
  }

 private:
  WatchSection settings_;
  std::set<std::string> sites_;
  /// Names of the backends that compute them, for messages.
  std::string backends_;
  /// "site tensor overflow" -> how often it passed the limit.
  std::map<std::string, int64_t> passed_;
};

} // namespace octet
