// Entries are replaced only by an op of the same interface.
#include "core/ops/op_table.h"

#include "core/base/problems.h"
#include "core/ops/device.h"
#include "core/ops/reference.h"

#include <octet/error.h>

namespace octet {
namespace {

/// Puts `op` into `entry` when it is of the entry's type.
template <typename Typed>
void put(
    const std::string& name,
    const std::shared_ptr<Op>& op,
    std::shared_ptr<Typed>& entry) {
  auto typed = std::dynamic_pointer_cast<Typed>(op);
  if (typed == nullptr) {
    throw Error(
        "ops",
        "the replacement of op " + name + " (" +
            (op ? op->implementation() : "null") +
            ") does not have that op's interface of <octet/ops.h>");
  }
  entry = std::move(typed);
}

} // namespace

OpTable::OpTable(const at::Device& device) {
  if (device.is_cpu()) {
    rms_norm_ = reference_rms_norm();
    swiglu_ = reference_swiglu();
    rope_ = reference_rope();
    attention_ = reference_attention();
    cross_entropy_ = reference_cross_entropy();
    adamw_ = reference_adamw();
  } else {
    rms_norm_ = device_rms_norm();
    swiglu_ = device_swiglu();
    rope_ = device_rope();
    attention_ = device_attention();
    cross_entropy_ = device_cross_entropy();
    adamw_ = device_adamw();
  }
}

void OpTable::replace(const std::string& name, std::shared_ptr<Op> op) {
  if (name == "rms_norm") {
    put(name, op, rms_norm_);
  } else if (name == "swiglu") {
    put(name, op, swiglu_);
  } else if (name == "rope") {
    put(name, op, rope_);
  } else if (name == "attention") {
    put(name, op, attention_);
  } else if (name == "cross_entropy") {
    put(name, op, cross_entropy_);
  } else if (name == "adamw") {
    put(name, op, adamw_);
  } else {
    std::vector<std::string> known;
    for (const auto& [op_name, implementation] : implementations()) {
      known.push_back(op_name);
    }
    throw Error(
        "ops", "unknown op " + name + "; the model has " + join_names(known));
  }
}

std::map<std::string, std::string> OpTable::implementations() const {
  return {
      {"rms_norm", rms_norm_->implementation()},
      {"swiglu", swiglu_->implementation()},
      {"rope", rope_->implementation()},
      {"attention", attention_->implementation()},
      {"cross_entropy", cross_entropy_->implementation()},
      {"adamw", adamw_->implementation()}};
}

} // namespace octet
