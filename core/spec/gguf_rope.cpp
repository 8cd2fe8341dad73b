// Llama 3 scaling divides frequency i by f_i: 1 for short wavelengths w, the
// full factor for long ones, and between them 1/f_i = (1 - s)/factor + s with
// s = (original / w - low) / (high - low). s is linear in 1/w, so two
// frequencies in between give original, low and high up to a common scale,
// which cancels; low is taken as 1, as every released model has it.
// Source: transformers 5 modeling_rope_utils.py, llama.cpp conversion/llama.py
#include "core/spec/gguf_rope.h"

#include "core/base/problems.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace octet {

namespace {

struct Llama3 {
  double factor = 1, low = 1, high = 4, original = 8192;
};

double wavelength(double theta, int64_t head_size, size_t i) {
  const double exponent =
      2 * static_cast<double>(i) / static_cast<double>(head_size);
  return 2 * std::numbers::pi * std::pow(theta, exponent);
}

double divisor(const Llama3& scaling, double w) {
  if (w < scaling.original / scaling.high) {
    return 1;
  }
  if (w > scaling.original / scaling.low) {
    return scaling.factor;
  }
  const double s =
      (scaling.original / w - scaling.low) / (scaling.high - scaling.low);
  return 1 / ((1 - s) / scaling.factor + s);
}

bool yields(
    const Llama3& scaling,
    const std::vector<float>& factors,
    double theta,
    int64_t head_size) {
  for (size_t i = 0; i < factors.size(); ++i) {
    const double expected = divisor(scaling, wavelength(theta, head_size, i));
    if (std::abs(expected - static_cast<double>(factors[i])) >
        1e-4 * expected) {
      return false;
    }
  }
  return true;
}

/// The line s = slope / w + offset through the frequencies in between.
std::optional<Llama3>
solve(const std::vector<float>& factors, double theta, int64_t head_size) {
  Llama3 scaling;
  scaling.factor =
      static_cast<double>(*std::max_element(factors.begin(), factors.end()));
  std::vector<std::pair<double, double>> points;
  for (size_t i = 0; i < factors.size(); ++i) {
    const auto f = static_cast<double>(factors[i]);
    if (f > 1.0001 && f < scaling.factor * 0.9999) {
      const double s = (1 / f - 1 / scaling.factor) / (1 - 1 / scaling.factor);
      points.emplace_back(1 / wavelength(theta, head_size, i), s);
    }
  }
  if (points.size() < 2) {
    return std::nullopt;
  }
  const auto& [x0, s0] = points.front();
  const auto& [x1, s1] = points.back();
  const double slope = (s1 - s0) / (x1 - x0);
  const double offset = s0 - slope * x0;
  if (!(offset < 0)) {
    return std::nullopt;
  }
  scaling.high = 1 - 1 / offset;
  scaling.original = std::round(slope * (scaling.high - 1));
  const double whole = std::round(scaling.high);
  if (std::abs(scaling.high - whole) < 1e-2) {
    scaling.high = whole;
    scaling.original = std::round(slope * (whole - 1));
  }
  return scaling;
}

[[noreturn]] void unsupported(const GgufFile& file, const std::string& what) {
  throw Failure(
      ExitCode::input,
      "model",
      "cannot use " + file.path().string() + ": " + what);
}

} // namespace

nlohmann::json llama3_scaling_of_factors(
    const std::vector<float>& factors,
    double rope_theta,
    int64_t head_size) {
  Llama3 scaling;
  if (!factors.empty()) {
    scaling.factor =
        static_cast<double>(*std::max_element(factors.begin(), factors.end()));
  }
  const bool fits = 2 * factors.size() == static_cast<size_t>(head_size) &&
      std::all_of(factors.begin(), factors.end(), [](float f) {
                      return std::isfinite(f) && f >= 1;
                    });
  if (fits && !yields(scaling, factors, rope_theta, head_size)) {
    scaling = solve(factors, rope_theta, head_size).value_or(scaling);
  }
  if (!fits || !yields(scaling, factors, rope_theta, head_size)) {
    throw Failure(
        ExitCode::input,
        "model",
        "expected rope_freqs.weight to hold the factors of Llama 3's scaling, "
        "found others; use the model's Hugging Face folder");
  }
  return {
      {"rope_type", "llama3"},
      {"factor", scaling.factor},
      {"low_freq_factor", scaling.low},
      {"high_freq_factor", scaling.high},
      {"original_max_position_embeddings",
       static_cast<int64_t>(scaling.original)}};
}

nlohmann::json rope_scaling_of_gguf(
    const GgufFile& file,
    const std::string& prefix,
    double rope_theta,
    int64_t head_size) {
  const std::string scaling = prefix + "rope.scaling.";
  const std::string type = file.find_string(scaling + "type").value_or("none");
  if (const auto table = file.tensors().find("rope_freqs.weight");
      table != file.tensors().end()) {
    if (table->second.type != StoredType::f32 || type != "none") {
      unsupported(
          file,
          "expected rope_freqs.weight in fp32 without another rotary scaling, "
          "found scaling type " +
              type);
    }
    std::vector<float> factors(table->second.bytes / sizeof(float));
    file.read("rope_freqs.weight", std::as_writable_bytes(std::span(factors)));
    return llama3_scaling_of_factors(factors, rope_theta, head_size);
  }
  const auto set = [&](nlohmann::json& json, const char* to, const char* from) {
    if (const auto value = file.find_real(scaling + from)) {
      json[to] = *value;
    }
  };
  if (type == "linear" || type == "yarn") {
    nlohmann::json json = {{"rope_type", type}};
    set(json, "factor", "factor");
    if (type == "yarn") {
      if (file.find_real(scaling + "yarn_log_multiplier").value_or(0) != 0 ||
          file.find_real(scaling + "yarn_ext_factor").value_or(1) != 1) {
        unsupported(
            file,
            "yarn with yarn_log_multiplier or yarn_ext_factor is not "
            "supported; use the model's Hugging Face folder");
      }
      if (const auto length =
              file.find_integer(scaling + "original_context_length")) {
        json["original_max_position_embeddings"] = *length;
      }
      set(json, "attention_factor", "yarn_attn_factor");
      set(json, "beta_fast", "yarn_beta_fast");
      set(json, "beta_slow", "yarn_beta_slow");
    }
    return json;
  }
  // Files from before rope.scaling.type.
  if (const auto factor = file.find_real(prefix + "rope.scale_linear");
      factor && *factor != 1) {
    return {{"rope_type", "linear"}, {"factor", *factor}};
  }
  if (type != "none") {
    unsupported(
        file,
        "expected rotary scaling none, linear or yarn, found \"" + type + "\"");
  }
  return nullptr;
}

} // namespace octet
