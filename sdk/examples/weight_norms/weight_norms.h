// After every `every`-th step: for each role (q_proj, up_proj, ...) the norm of
// all its weights together, and by how much it changed since the last line.
#pragma once

#include <octet/feature.h>
#include <octet/plugin.h>

#include <map>
#include <string>
#include <vector>

namespace octet::weight_norms {

struct Settings {
  int64_t every = 10;
  /// Empty: all.
  std::vector<std::string> roles;
};

/// One line of the log.
struct RoleNorm {
  std::string role;
  double norm = 0;
  /// norm - the last line's; 0 in the first one.
  double change = 0;
};

class WeightNorms : public Feature {
 public:
  using Log = std::function<void(const std::string& line)>;

  WeightNorms(Settings settings, Log log)
      : settings_(std::move(settings)), log_(std::move(log)) {}

  /// It only reads, so it fills no slot of any site.
  SiteVerdict accepts(const Site& site) const override;
  /// @throws Error naming each role that the model does not have
  void apply(ModelEditor& editor) override;

  /// Norms now, roles sorted; remembers them for the next call.
  std::vector<RoleNorm> measure();

  /// The last line's norms, so that a resumed run tells the same changes.
  State state() const override;
  void load(const State& state) override;

 private:
  Settings settings_;
  Log log_;
  /// Valid as long as the model.
  std::map<std::string, std::vector<const WeightSource*>> weights_;
  std::map<std::string, double> last_;
};

} // namespace octet::weight_norms
