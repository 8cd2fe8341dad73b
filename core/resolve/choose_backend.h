// precision.backend = "auto": which backend runs, in two steps. What the
// manifests and the machine say comes first; only then is a candidate probed.
#pragma once

#include "core/base/problems.h"
#include "core/resolve/selection.h"

#include <functional>
#include <string>
#include <vector>

namespace octet {

class BackendChoice {
 public:
  /// Judges every precision plugin of the catalog without running any. Ranks
  /// decide, then names.
  /// @param problems gets wrong options, and that no candidate is left
  BackendChoice(
      const RunConfig& config,
      const Catalog& catalog,
      const OctetHost& host,
      const std::vector<SelectedPlugin>& features,
      Problems& problems);

  /// Probes the candidates that are left, best first, until one is usable; with
  /// precision.measure also the reference. Fills in the selection's precision,
  /// reference, candidates and notes.
  /// @param ask the verdict of a plugin's probe
  void decide(
      const std::function<ProbeVerdict(const SelectedPlugin&)>& ask,
      Selection& selection,
      Problems& problems);

 private:
  struct Item {
    SelectedPlugin plugin;
    Candidate row;
    /// Whether only its probe is still to be asked.
    bool open() const {
      return row.verdict.empty();
    }
  };

  void judge(
      Item& item,
      const OctetHost& host,
      const std::vector<SelectedPlugin>& features,
      Problems& problems) const;
  void probe(
      Item& item,
      const std::function<ProbeVerdict(const SelectedPlugin&)>& ask,
      Selection& selection) const;
  void check_reference(Selection& selection, Problems& problems) const;
  void report_nothing_left(Problems& problems) const;

  const RunConfig& config_;
  /// Best first.
  std::vector<Item> items_;
};

} // namespace octet
