// The words of allocators, and what takes memory in a run.
#include "core/train/out_of_memory.h"

#include "core/base/problems.h"

#include <algorithm>
#include <array>
#include <vector>

namespace octet {

bool is_out_of_memory(const std::string& text) {
  constexpr std::array kWords = {
      "out of memory",
      "can't allocate memory",
      "Cannot allocate memory",
      "CUBLAS_STATUS_ALLOC_FAILED",
      "std::bad_alloc"};
  return std::any_of(kWords.begin(), kWords.end(), [&](const char* words) {
    return text.find(words) != std::string::npos;
  });
}

std::string ways_to_save_memory(const RunConfig& config, const Plan& plan) {
  std::vector<std::string> ways;
  if (!config.train.activation_checkpointing) {
    ways.emplace_back("train.activation_checkpointing = true");
  }
  if (config.train.batch_size > 1) {
    ways.push_back(
        "a smaller train.batch_size (now " +
        std::to_string(config.train.batch_size) +
        ") with as much more train.gradient_accumulation");
  }
  ways.push_back(
      "a smaller data.max_length (now " +
      std::to_string(config.data.max_length) + ")");
  if (plan.trains_base) {
    ways.emplace_back(
        "a feature that trains an adapter instead of all weights "
        "(trainer plugins list)");
  }
  return join_names(ways);
}

} // namespace octet
