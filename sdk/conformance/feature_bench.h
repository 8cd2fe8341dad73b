// A small decoder with the feature applied as a run applies it: the host
// places it, makes the editor, and compares the ledger with the plan.
#pragma once

#include "core/data/batch.h"
#include "core/model/decoder.h"
#include "core/resolve/plan.h"
#include "sdk/conformance/subject.h"

#include <memory>
#include <vector>

namespace octet::conformance {

/// Two layers, hidden size 64.
ModelSpec small_spec();
Microbatch small_batch(const ModelSpec& spec, uint32_t seed);

/// The decoder goes before the feature, whose parts it owns.
struct AppliedFeature {
  std::shared_ptr<Feature> feature;
  std::shared_ptr<PrecisionBackend> backend;
  Plan plan;
  std::unique_ptr<Decoder> decoder;

  /// Parameters that the feature added.
  std::vector<Parameter*> added() const;
  /// Adds noise to them: many start at zero, where gradients say little.
  void disturb() const;
  void clear_gradients() const;
};

struct ApplySettings {
  bool activation_checkpointing = false;
  /// An adapter to set the feature up from; null for none.
  const AdapterFiles* import = nullptr;
};

/// @throws Error, also where the ledger differs from the plan
AppliedFeature apply_feature(
    const Subject& subject,
    const ApplySettings& settings = {});

/// The same decoder without any feature, all of it trained.
std::unique_ptr<Decoder> plain_decoder();

} // namespace octet::conformance
