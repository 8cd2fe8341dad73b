// Sites and tensors of a decoder, from its shapes alone. Names are those of
// Hugging Face checkpoints.
#include "core/spec/model_spec.h"

namespace octet {
namespace {

/// One linear layer of a decoder block.
struct LayerLinear {
  std::string path, group;
  int64_t inputs = 0, outputs = 0;
  bool bias = false;
};

std::vector<LayerLinear> layer_linears(const ModelSpec& spec) {
  const int64_t c = spec.hidden_size, f = spec.intermediate_size;
  const int64_t q = spec.heads * spec.head_size;
  const int64_t kv = spec.kv_heads * spec.head_size;
  return {
      {"self_attn.q_proj", "self_attn.qkv", c, q, spec.qkv_bias},
      {"self_attn.k_proj", "self_attn.qkv", c, kv, spec.qkv_bias},
      {"self_attn.v_proj", "self_attn.qkv", c, kv, spec.qkv_bias},
      {"self_attn.o_proj", "self_attn.o_proj", q, c, spec.output_bias},
      {"mlp.gate_proj", "mlp.gate_up", c, f, spec.mlp_bias},
      {"mlp.up_proj", "mlp.gate_up", c, f, spec.mlp_bias},
      {"mlp.down_proj", "mlp.down_proj", f, c, spec.mlp_bias}};
}

std::string layer_prefix(int64_t layer) {
  return "model.layers." + std::to_string(layer) + ".";
}

} // namespace

std::vector<Site> ModelSpec::sites() const {
  std::vector<Site> sites;
  const std::string embedding = "model.embed_tokens";
  sites.push_back(
      {embedding,
       SiteKind::embedding,
       "embed_tokens",
       embedding,
       -1,
       hidden_size,
       vocab_size,
       false,
       embedding + ".weight"});
  for (int64_t layer = 0; layer < layers; ++layer) {
    for (const LayerLinear& linear : layer_linears(*this)) {
      const std::string name = layer_prefix(layer) + linear.path;
      sites.push_back(
          {name,
           SiteKind::linear,
           linear.path.substr(linear.path.find('.') + 1),
           layer_prefix(layer) + linear.group,
           layer,
           linear.inputs,
           linear.outputs,
           linear.bias,
           name + ".weight"});
    }
  }
  sites.push_back(
      {"lm_head",
       SiteKind::linear,
       "lm_head",
       "lm_head",
       -1,
       hidden_size,
       vocab_size,
       false,
       tied_embeddings ? embedding + ".weight" : "lm_head.weight"});
  return sites;
}

std::map<std::string, std::vector<int64_t>> ModelSpec::tensors() const {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const Site& site : sites()) {
    shapes[site.weight] = {site.out_features, site.in_features};
    if (site.has_bias) {
      shapes[site.name + ".bias"] = {site.out_features};
    }
  }
  for (int64_t layer = 0; layer < layers; ++layer) {
    const std::string prefix = layer_prefix(layer);
    shapes[prefix + "input_layernorm.weight"] = {hidden_size};
    shapes[prefix + "post_attention_layernorm.weight"] = {hidden_size};
    if (qk_norm) {
      shapes[prefix + "self_attn.q_norm.weight"] = {head_size};
      shapes[prefix + "self_attn.k_norm.weight"] = {head_size};
    }
  }
  shapes["model.norm.weight"] = {hidden_size};
  return shapes;
}

int64_t ModelSpec::parameter_count() const {
  int64_t count = 0;
  for (const auto& [name, shape] : tensors()) {
    int64_t elements = 1;
    for (const int64_t size : shape) {
      elements *= size;
    }
    count += elements;
  }
  return count;
}

} // namespace octet
