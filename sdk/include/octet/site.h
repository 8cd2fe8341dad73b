// A site: one linear layer or embedding of the model, by its full name. Plain
// data without tensors, so that the placement of plugins can be decided (and
// shown) before any weight is read.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace octet {

enum class SiteKind { linear, embedding };

struct Site {
  /// Module path as Hugging Face writes it: "model.layers.3.self_attn.q_proj".
  std::string name;
  SiteKind kind = SiteKind::linear;
  /// Last part of the name: "q_proj", "down_proj", "lm_head", "embed_tokens".
  std::string role;
  /// Sites with one input share a group: "model.layers.3.self_attn.qkv".
  std::string group;
  /// Decoder layer, or -1 for the embedding and the head.
  int64_t layer = -1;
  /// K: columns of the weight [N, K]. For an embedding: its width.
  int64_t in_features = 0;
  /// N: rows of the weight [N, K]. For an embedding: the vocabulary.
  int64_t out_features = 0;
  bool has_bias = false;
  /// Name of the weight's parameter. Tied sites have the same one.
  std::string weight;
};

/// A plugin's answer for one site, asked once before the plan is made.
struct SiteVerdict {
  bool accepted = false;
  /// Why not, or (optionally) how: shown in the plan.
  std::string reason;
  /// Trainable parameters that the plugin will add at this site.
  int64_t added_parameters = 0;
  /// Which of the slots that its manifest claims it fills here; empty means
  /// all of them.
  std::vector<std::string> slots = {};

  static SiteVerdict yes(int64_t added_parameters = 0) {
    return {true, "", added_parameters, {}};
  }
  static SiteVerdict skip(std::string reason) {
    return {false, std::move(reason), 0, {}};
  }
};

} // namespace octet
