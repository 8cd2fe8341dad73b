// transformers 5 writes {"rope_parameters": {"rope_theta", "rope_type", ...}};
// before it was "rope_theta" beside "rope_scaling", whose type was first called
// "type". Where both are present, transformers takes rope_scaling.
// Source: transformers 5 modeling_rope_utils.py
#include "core/spec/rope_config.h"

namespace octet {

namespace {

constexpr int64_t kMaxPositions = int64_t{1} << 31;

double required_positive(
    const ConfigReader& rope,
    const std::string& key,
    const std::string& type) {
  if (!rope.has(key)) {
    rope.problem(
        "expected " + key + " for rope_type \"" + type +
        "\", found no such key");
  }
  return rope.positive(key).value_or(1);
}

void read_llama3(const ConfigReader& rope, RopeScaling& scaling) {
  scaling.kind = RopeScalingKind::llama3;
  scaling.factor = required_positive(rope, "factor", "llama3");
  scaling.low_freq_factor =
      required_positive(rope, "low_freq_factor", "llama3");
  scaling.high_freq_factor =
      required_positive(rope, "high_freq_factor", "llama3");
  if (scaling.high_freq_factor == scaling.low_freq_factor) {
    rope.problem(
        "expected high_freq_factor and low_freq_factor to differ, found " +
        rope.shown("low_freq_factor") + " twice");
  }
}

void read_yarn(
    const ConfigReader& rope,
    int64_t max_positions,
    RopeScaling& scaling) {
  scaling.kind = RopeScalingKind::yarn;
  scaling.factor = rope.positive("factor").value_or(
      static_cast<double>(max_positions) /
      static_cast<double>(scaling.original_max_positions));
  scaling.attention_factor = rope.positive("attention_factor");
  scaling.beta_fast = rope.positive("beta_fast").value_or(32);
  scaling.beta_slow = rope.positive("beta_slow").value_or(1);
  scaling.mscale = rope.positive("mscale");
  scaling.mscale_all_dim = rope.positive("mscale_all_dim");
  scaling.truncate = rope.boolean("truncate").value_or(true);
}

} // namespace

void read_rope(
    const ConfigReader& config,
    Problems& problems,
    ModelSpec& spec) {
  static const nlohmann::json kNone = nlohmann::json::object();
  const std::string key =
      config.has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  const nlohmann::json* found = config.find(key);
  if (found && !found->is_object()) {
    config.problem("expected an object, found " + config.shown(key));
    found = nullptr;
  }
  const ConfigReader rope(found ? *found : kNone, key + ".", problems);
  for (const char* nested : {"full_attention", "sliding_attention"}) {
    if (rope.has(nested)) {
      config.problem(
          "rotary positions that differ by layer type are not supported, "
          "found " +
          config.shown(key));
      return;
    }
  }
  spec.rope_theta = rope.positive("rope_theta")
                        .value_or(config.positive("rope_theta").value_or(1e4));
  for (const ConfigReader* reader : {&config, &rope}) {
    if (reader->positive("partial_rotary_factor").value_or(1) != 1) {
      reader->problem(
          "rotary positions on a part of the head are not supported, found " +
          reader->shown("partial_rotary_factor"));
    }
  }
  RopeScaling& scaling = spec.rope_scaling;
  const std::string type =
      rope.string("rope_type")
          .value_or(rope.string("type").value_or("default"));
  if (type == "llama3" || type == "yarn") {
    // A value at the top level wins, as in transformers.
    scaling.original_max_positions =
        config.integer("original_max_position_embeddings", 1, kMaxPositions)
            .value_or(
                rope.integer(
                        "original_max_position_embeddings", 1, kMaxPositions)
                    .value_or(spec.max_positions));
  }
  if (type == "linear") {
    scaling.kind = RopeScalingKind::linear;
    scaling.factor = required_positive(rope, "factor", type);
  } else if (type == "llama3") {
    read_llama3(rope, scaling);
  } else if (type == "yarn") {
    read_yarn(rope, spec.max_positions, scaling);
  } else if (type != "default") {
    config.problem(
        "expected rope_type default, linear, llama3 or yarn, found \"" + type +
        "\"");
  }
}

} // namespace octet
