// Options to Settings, and the sentences that say what they mean here.
#include "settings.h"

#include <octet/error.h>

namespace octet::torchao {
namespace {

std::string capability(const OctetHost& host) {
  return std::to_string(host.cuda_capability / 10) + "." +
      std::to_string(host.cuda_capability % 10);
}

std::string device(const OctetHost& host) {
  const std::string name = host.cuda_name[0] != '\0' ? host.cuda_name : "a GPU";
  return name + " (compute capability " + capability(host) + ")";
}

} // namespace

bool has_fp8(const OctetHost& host) {
  return host.cuda_device_count > 0 &&
      (host.cuda_capability == 89 || host.cuda_capability >= 90);
}

Settings read_settings(const OctetHost& host, const Options& options) {
  Settings settings;
  settings.recipe = make_recipe(
      options.string("recipe"), options.boolean("round_scales_to_power_of_2"));
  settings.emulate = options.boolean("emulate");
  settings.pad_inner_dim = options.boolean("pad_inner_dim");
  settings.filter_fqns = options.strings("filter_fqns");
  settings.auto_filter_small = options.boolean("auto_filter_small");
  settings.bf16_products = host.cpu_avx512_bf16 != 0 || host.cpu_amx_bf16 != 0;
  std::string problems;
  const auto add = [&](const std::string& text) {
    problems += (problems.empty() ? "" : "; ") + text;
  };
  if (settings.auto_filter_small &&
      settings.recipe.name == "rowwise_with_gw_hp") {
    add("torchao has no size limits for rowwise_with_gw_hp; remove "
        "precision.torchao.auto_filter_small, or choose recipe rowwise or "
        "tensorwise");
  }
  for (const std::string& part : settings.filter_fqns) {
    if (part.empty()) {
      add("precision.torchao.filter_fqns has an empty text, which every "
          "layer's name contains; remove it");
    }
  }
  if (!problems.empty()) {
    throw Error("torchao", problems);
  }
  return settings;
}

std::string missing_device(const Settings& settings, const OctetHost& host) {
  return settings.emulate || has_fp8(host)
      ? ""
      : "FP8 needs a GPU of compute capability 8.9 or >= 9.0; set "
        "precision.torchao.emulate = true to compute its numbers without one";
}

std::string describe(const Settings& settings, const OctetHost& host) {
  if (!settings.emulate) {
    return "FP8 by at::_scaled_mm on " + device(host) + ", recipe " +
        settings.recipe.name;
  }
  return "EMULATED: recipe " + settings.recipe.name +
      " by torchao's emulation arithmetic; FP8's numbers, not its speed" +
      (has_fp8(host) ? ", although " + device(host) +
               " has FP8; remove precision.torchao.emulate to use it"
                     : "");
}

} // namespace octet::torchao
