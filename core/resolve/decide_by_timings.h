// What measured GEMMs decide under `auto`: which sites the candidate computes
// and which stay with the reference backend. A pure function of the timings;
// who measures and where a table comes from is core/train's business.
#pragma once

#include "core/resolve/plan.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace octet {

/// Every shape of a table with what it decides.
/// @param margin a shape wins when reference / candidate >= margin >= 1
/// @throws Failure(resolution) naming every time that is not a finite number
/// above zero and every shape that stands in the table twice
std::vector<ShapeVerdict> decide_by_timings(
    const GemmTimings& timings,
    double margin);

/// What a measurement goes on when it decides.
struct TimingRules {
  double margin = 1;
  /// Where the table comes from, for the report: "measured", or a file.
  std::string source;
  /// The training stage, for conditions of relations.
  std::string stage;
};

/// Turns the verdicts on shapes into verdicts on sites, so that `place` stays
/// what it is: a site whose shape loses is skipped by the candidate with that
/// reason and taken by the reference backend, a site whose shape wins the
/// other way round. A site that only one of the two accepts goes to that one.
/// When the candidate is left without any site, the reference backend takes
/// its place in the selection; when the reference is, it leaves the selection.
/// A candidate that accepts no site at all is left for `place` to refuse.
/// @param selection with a candidate (`precision`) and a `reference`
/// @param shapes of the linear sites that both accept, by site
/// @param verdicts of all plugins; those of the two backends are changed
/// @throws Failure(resolution) for a shape that the table lacks
void settle_by_timings(
    const GemmTimings& timings,
    const TimingRules& rules,
    const std::vector<Site>& sites,
    const std::map<std::string, GemmShape>& shapes,
    Selection& selection,
    std::vector<SiteVerdicts>& verdicts);

/// The linear sites that both backends accept, with what is multiplied there.
/// @param tokens of a microbatch
/// @param head_rows most rows that the head multiplies at once
/// @param trained whether the gradient of the weight is computed
std::map<std::string, GemmShape> measured_shapes(
    const std::vector<Site>& sites,
    const SiteVerdicts& candidate,
    const SiteVerdicts& reference,
    int64_t tokens,
    int64_t head_rows,
    bool trained);

/// The verdicts of a plugin among those of all. @throws Error
SiteVerdicts& verdicts_of(
    std::vector<SiteVerdicts>& verdicts,
    const std::string& plugin);

/// The table as people read it; "" when nothing was measured.
std::string describe_measurement(const Selection& selection);

} // namespace octet
