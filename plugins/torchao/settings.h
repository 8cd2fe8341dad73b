// What the run asks of torchao, and what the machine offers it.
#pragma once

#include "recipe.h"

#include <octet/options.h>
#include <octet/plugin.h>

#include <string>
#include <vector>

namespace octet::torchao {

struct Settings {
  Recipe recipe;
  bool emulate = false;
  bool pad_inner_dim = true;
  /// Parts of names whose layers stay in bf16.
  std::vector<std::string> filter_fqns;
  /// Leave out what torchao found too small for the recipe.
  bool auto_filter_small = false;
  /// Whether ATen's bf16 products are fast on this CPU.
  bool bf16_products = false;
};

/// @throws Error with every contradiction among the options
Settings read_settings(const OctetHost& host, const Options& options);

/// Whether the run's GPU multiplies FP8: compute capability 8.9 or 9.0 and up.
bool has_fp8(const OctetHost& host);

/// What is missing to compute as asked, or "". The host asks the manifest's
/// needs first; this is for hosts that do not.
std::string missing_device(const Settings& settings, const OctetHost& host);

/// The probe's sentence: what will compute, and whether it is emulated.
std::string describe(const Settings& settings, const OctetHost& host);

} // namespace octet::torchao
