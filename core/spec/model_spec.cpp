// Sites and tensors that follow from a ModelSpec: the module tree that all
// supported architectures share in Hugging Face checkpoints.
#include "core/spec/model_spec.h"

namespace octet {

namespace {

Site linear(
    const std::string& parent,
    const std::string& role,
    const std::string& group,
    int64_t layer,
    int64_t in_features,
    int64_t out_features,
    bool has_bias) {
  Site site;
  site.name = parent + "." + role;
  site.role = role;
  site.group = group.empty() ? site.name : parent + "." + group;
  site.layer = layer;
  site.in_features = in_features;
  site.out_features = out_features;
  site.has_bias = has_bias;
  site.weight = site.name + ".weight";
  return site;
}

std::string layer_name(int64_t layer) {
  return "model.layers." + std::to_string(layer);
}

} // namespace

std::vector<Site> ModelSpec::sites() const {
  std::vector<Site> sites;
  Site embedding;
  embedding.name = embedding.group = "model.embed_tokens";
  embedding.kind = SiteKind::embedding;
  embedding.role = "embed_tokens";
  embedding.in_features = hidden_size;
  embedding.out_features = vocab_size;
  embedding.weight = "model.embed_tokens.weight";
  sites.push_back(embedding);

  const int64_t query = heads * head_size;
  const int64_t key = kv_heads * head_size;
  for (int64_t i = 0; i < layers; ++i) {
    const auto add = [&](const std::string& module,
                         const std::string& role,
                         const std::string& group,
                         int64_t in_features,
                         int64_t out_features,
                         bool has_bias) {
      sites.push_back(linear(
          layer_name(i) + "." + module,
          role,
          group,
          i,
          in_features,
          out_features,
          has_bias));
    };
    add("self_attn", "q_proj", "qkv", hidden_size, query, qkv_bias);
    add("self_attn", "k_proj", "qkv", hidden_size, key, qkv_bias);
    add("self_attn", "v_proj", "qkv", hidden_size, key, qkv_bias);
    add("self_attn", "o_proj", "", query, hidden_size, output_bias);
    add("mlp",
        "gate_proj",
        "gate_up",
        hidden_size,
        intermediate_size,
        mlp_bias);
    add("mlp", "up_proj", "gate_up", hidden_size, intermediate_size, mlp_bias);
    add("mlp", "down_proj", "", intermediate_size, hidden_size, mlp_bias);
  }

  Site head;
  head.name = head.group = head.role = "lm_head";
  head.in_features = hidden_size;
  head.out_features = vocab_size;
  head.weight = tied_embeddings ? embedding.weight : "lm_head.weight";
  sites.push_back(head);
  return sites;
}

std::map<std::string, std::vector<int64_t>> ModelSpec::tensors() const {
  std::map<std::string, std::vector<int64_t>> tensors;
  for (const Site& site : sites()) {
    tensors[site.weight] = {site.out_features, site.in_features};
    if (site.has_bias) {
      tensors[site.name + ".bias"] = {site.out_features};
    }
  }
  for (int64_t i = 0; i < layers; ++i) {
    const std::string layer = layer_name(i);
    tensors[layer + ".input_layernorm.weight"] = {hidden_size};
    tensors[layer + ".post_attention_layernorm.weight"] = {hidden_size};
    if (qk_norm) {
      tensors[layer + ".self_attn.q_norm.weight"] = {head_size};
      tensors[layer + ".self_attn.k_norm.weight"] = {head_size};
    }
  }
  tensors["model.norm.weight"] = {hidden_size};
  return tensors;
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
