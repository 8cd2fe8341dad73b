// The library exports two updates. The bulk one, which PyTorch uses, takes
// std::vector by value through the C boundary, so this calls the single one
// and keeps the slots that the bulk one would not touch: those whose amax is
// 0. Everything else of the two is the same arithmetic.
#include "scale_table.h"

#include "device.h"
#include "tensor.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <c10/core/DeviceGuard.h>

namespace octet::te {

ScaleTable::ScaleTable(
    std::shared_ptr<const Library> library,
    Settings settings)
    : library_(std::move(library)),
      settings_(std::move(settings)),
      history_(at::zeros({settings_.history_length, 0}, at::kFloat)),
      scale_(at::ones({0}, at::kFloat)) {}

int64_t ScaleTable::add_slot() {
  return slots_++;
}

void ScaleTable::grow() {
  const int64_t more = slots_ - scale_.size(0);
  if (more > 0) {
    history_ = at::cat(
        {history_,
         at::zeros({settings_.history_length, more}, history_.options())},
        1);
    scale_ = at::cat({scale_, at::ones({more}, scale_.options())});
  }
}

void ScaleTable::use(const at::Device& device) {
  grow();
  if (scale_.device() != device) {
    history_ = history_.to(device);
    scale_ = scale_.to(device);
  }
}

float* ScaleTable::scale(int64_t slot) {
  grow();
  return scale_.data_ptr<float>() + slot;
}

float* ScaleTable::amax(int64_t slot) {
  grow();
  return history_.data_ptr<float>() + slot;
}

at::Tensor ScaleTable::current_amax() {
  grow();
  return history_.select(0, 0);
}

const at::Tensor& ScaleTable::history() {
  grow();
  return history_;
}

const at::Tensor& ScaleTable::scales() {
  grow();
  return scale_;
}

void ScaleTable::update(const at::Tensor& reduced) {
  grow();
  if (slots_ == 0) {
    return;
  }
  const c10::DeviceGuard on(scale_.device());
  const at::Tensor last = history_.select(0, 0);
  if (reduced.defined()) {
    last.copy_(at::where(reduced != 0, reduced, last));
  }
  const at::Tensor used = last != 0;
  at::Tensor new_history = at::empty_like(history_);
  at::Tensor new_scale = at::empty_like(scale_);
  {
    const Handle history(*library_, history_), scale(*library_, scale_);
    const Handle history_out(*library_, new_history);
    const Handle scale_out(*library_, new_scale);
    library_->call(
        "nvte_delayed_scaling_recipe_amax_and_scale_update",
        library_->functions().delayed_scaling_update,
        history.get(),
        scale.get(),
        history_out.get(),
        scale_out.get(),
        settings_.algorithm.c_str(),
        settings_.format,
        static_cast<float>(settings_.margin),
        current_stream(scale_.device()));
  }
  history_ = at::where(used, new_history, history_);
  scale_ = at::where(used, new_scale, scale_);
}

State ScaleTable::state(int64_t slot) {
  grow();
  return {
      {"amax_history", history_.select(1, slot).contiguous().cpu().clone()},
      {"scale", scale_.slice(0, slot, slot + 1).cpu().clone()}};
}

void ScaleTable::load(int64_t slot, const State& state) {
  grow();
  const auto restore = [&](const char* name, const at::Tensor& to) {
    for (const auto& [key, value] : state) {
      if (key != name) {
        continue;
      }
      if (value.sizes() != to.sizes() || value.scalar_type() != at::kFloat) {
        throw Error(
            "te",
            "expected " + std::string(name) + " of " +
                std::to_string(to.numel()) +
                " fp32 values in the checkpoint, found " +
                std::to_string(value.numel()) +
                "; resume with the precision.te.amax_history_len of the run "
                "that wrote it");
      }
      to.copy_(value);
      return;
    }
    throw Error(
        "te",
        "expected " + std::string(name) +
            " in the checkpoint, found none; resume with the "
            "precision.te.recipe of the run that wrote it");
  };
  restore("amax_history", history_.select(1, slot));
  restore("scale", scale_.slice(0, slot, slot + 1));
}

} // namespace octet::te
