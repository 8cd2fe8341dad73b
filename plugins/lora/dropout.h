// Dropout masks and initial values as functions of names and counters, never
// of a generator's position: a recomputed or resumed forward, or another order
// of sites, gives the same numbers.
#pragma once

#include <octet/step_context.h>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

namespace octet::lora {

/// A seed for one purpose at one place.
uint64_t mix_seed(uint64_t seed, uint64_t value);
uint64_t mix_seed(uint64_t seed, const std::string& name);

/// The seed of a site's mask in this step and microbatch.
uint64_t mask_seed(const StepContext& context, const std::string& site);

/// x with each element zeroed with probability p, else divided by 1 - p.
/// Drawn in steps of 1/65536.
/// @param x fp32 or bf16, contiguous  @returns a new tensor
at::Tensor dropped(const at::Tensor& x, double p, uint64_t seed);

/// Uniform in [-bound, bound).
at::Tensor uniform(at::IntArrayRef shape, double bound, uint64_t seed);

} // namespace octet::lora
