// The plugin's options, typed and checked against one another.
#pragma once

#include "bindings.h"

#include <octet/options.h>

#include <string>

namespace octet::te {

enum class RecipeKind { delayed, current, block, mxfp8 };

struct Settings {
  std::string library;
  RecipeKind recipe = RecipeKind::delayed;
  /// Formats of inputs and weights, and of gradients.
  abi::DType forward = abi::kFloat8E4M3, backward = abi::kFloat8E5M2;
  int64_t amax_history_len = 16;
  std::string amax_compute_algo = "max";
  int64_t margin = 0;
};

/// @throws Error for an option that belongs to another recipe
Settings read_settings(const Options& options);

/// Why the recipe does not run on a GPU of that compute capability (90 for
/// 9.0); empty when it does.
std::string refuse_capability(RecipeKind recipe, unsigned capability);

const char* to_string(RecipeKind recipe);

} // namespace octet::te
