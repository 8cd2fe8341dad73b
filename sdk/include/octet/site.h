// A site: one linear layer or embedding of the model, by its full name. Plain
// data without tensors, so that the placement of plugins can be decided (and
// shown) before any weight is read.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace octet {

/// A linear layer multiplies, an embedding looks up.
enum class SiteKind { linear, embedding };

/// One layer of the model.
struct Site {
  /// Module path as Hugging Face writes it: "model.layers.3.self_attn.q_proj".
  std::string name;
  /// Which of the two.
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
  /// Whether a bias is added to the product.
  bool has_bias = false;
  /// Name of the weight's parameter. Tied sites have the same one.
  std::string weight;
};

/// A plugin's answer for one site, asked once before the plan is made.
struct SiteVerdict {
  /// Whether the plugin does anything at this site.
  bool accepted = false;
  /// Why not, or (optionally) how: shown in the plan.
  std::string reason;
  /// Trainable parameters that the plugin will add at this site.
  int64_t added_parameters = 0;
  /// Which of the slots that its manifest claims it fills here; empty means
  /// all of them.
  std::vector<std::string> slots = {};

  /// Accepted, in all slots that the manifest claims.
  /// @param added_parameters elements of the parameters that apply() will add
  /// for this site; the plan and the memory estimate count them
  /// @returns the verdict; set `slots` of it to fill fewer
  static SiteVerdict yes(int64_t added_parameters = 0) {
    return {true, "", added_parameters, {}};
  }
  /// Left alone.
  /// @param reason not empty; the plan counts sites with the same one together,
  /// so it is best without their names
  /// @returns the verdict
  static SiteVerdict skip(std::string reason) {
    return {false, std::move(reason), 0, {}};
  }
};

} // namespace octet
