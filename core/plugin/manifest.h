// A plugin's manifest (plugin.toml): the only thing that listing reads.
#pragma once

#include "core/config/run_config.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace octet {

enum class PluginKind { precision, feature };
enum class OptionType { boolean, integer, real, string, strings };

struct OptionSpec {
  OptionType type = OptionType::string;
  std::variant<bool, int64_t, double, std::string, std::vector<std::string>>
      default_value;
  std::vector<std::string> one_of;
  std::optional<double> minimum, maximum;
  std::string help;
};

enum class RelationVerdict { ok, warn, reject };

/// One [[relation]] of a manifest.
struct Relation {
  /// Capabilities or plugin names; all of them must be selected.
  std::vector<std::string> with;
  RelationVerdict verdict = RelationVerdict::ok;
  std::string reason;
  std::string way_out;
  /// Condition on options or stage; empty = always.
  std::string when;
  /// The partner that must be applied first.
  std::string after;
};

struct Needs {
  /// "cuda", or empty for any device.
  std::string device;
  /// Accepted compute capabilities: "8.9" or ">=9.0"; any of them suffices.
  std::vector<std::string> capability;
};

struct Manifest {
  std::string name;
  PluginKind kind = PluginKind::feature;
  std::string version;
  std::string summary;
  std::string license;
  /// Precision: dtype of everything its GEMMs do not do ("bf16", "fp32").
  std::string compute;
  std::vector<std::string> provides;
  /// Exclusive slots it may fill: gemm, weight, weight_transform,
  /// input_transform; "adapter", "op:<name>" and the hook "step_end" are
  /// entered here too.
  std::vector<std::string> claims;
  /// Precision: weight storages it can read; "dense" unless it says more.
  std::vector<std::string> reads;
  /// Feature: the weight storages it makes ("nf4").
  std::vector<std::string> stores;
  int64_t rank = 0;
  /// Whether `auto` may choose it unasked.
  bool automatic = true;
  /// The backend that others are measured against.
  bool reference = false;
  /// Feature: the base weights stay as they are.
  bool freezes_base = false;
  /// Feature: peft_type of the adapters it writes and reads ("LORA").
  std::string adapter_format;
  Needs needs;
  std::vector<Relation> relations;
  std::map<std::string, OptionSpec> options;
};

/// @param origin names the text in messages, e.g. the library's path
/// @throws Failure(resolution) with every problem of the text
Manifest parse_manifest(std::string_view text, const std::string& origin);

/// "precision" or "feature".
std::string to_string(PluginKind kind);
/// "boolean", "integer", "real", "string" or "strings", as manifests write it.
std::string to_string(OptionType type);
/// A value as TOML writes it: 0.05, "rowwise", ["q_proj", "v_proj"].
std::string to_string(
    const std::
        variant<bool, int64_t, double, std::string, std::vector<std::string>>&
            value);

/// Checks a plugin's table against its manifest and fills in the defaults.
/// Problems go to `problems`, with place and nearest known option.
/// @param prefix "features.lora" or "precision.te", for the messages
OptionTable check_options(
    const Manifest& manifest,
    const OptionTable& given,
    const std::string& prefix,
    class Problems& problems);

} // namespace octet
