// The training stages that there are.
#pragma once

#include <string>
#include <vector>

namespace octet {

/// Values of train.stage; relations of plugins may name them.
inline const std::vector<std::string>& training_stages() {
  static const std::vector<std::string> kStages = {"sft", "pt"};
  return kStages;
}

} // namespace octet
