// Options as the manifest declares them, and the C boundary called with what
// no run would pass: no options at all, and options of other types.
#include "core/base/problems.h"
#include "sdk/conformance/check.h"
#include "sdk/conformance/subject.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace octet::conformance {
namespace {

using Value = decltype(OptionValue::value);

/// Whether the host takes `options` with one value changed; the completed
/// table goes to `complete`.
bool host_accepts(
    const Manifest& manifest,
    OptionTable options,
    const std::string& option,
    const Value& value,
    OptionTable* complete = nullptr) {
  options.values[option] = {value, {"conformance", 0}};
  Problems problems;
  OptionTable result = check_options(manifest, options, "options", problems);
  if (complete != nullptr) {
    *complete = std::move(result);
  }
  return problems.empty();
}

struct Samples {
  std::vector<Value> inside, outside;
};

void add_bounds(const OptionSpec& spec, Samples& samples) {
  if (spec.type == OptionType::integer) {
    if (spec.minimum) {
      const auto bound = static_cast<int64_t>(std::ceil(*spec.minimum));
      samples.inside.emplace_back(bound);
      samples.outside.emplace_back(bound - 1);
    }
    if (spec.maximum) {
      const auto bound = static_cast<int64_t>(std::floor(*spec.maximum));
      samples.inside.emplace_back(bound);
      samples.outside.emplace_back(bound + 1);
    }
  } else if (spec.type == OptionType::real) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    samples.outside.emplace_back(std::nan(""));
    if (spec.minimum) {
      samples.inside.emplace_back(*spec.minimum);
      samples.outside.emplace_back(std::nextafter(*spec.minimum, -kInfinity));
    }
    if (spec.maximum) {
      samples.inside.emplace_back(*spec.maximum);
      samples.outside.emplace_back(std::nextafter(*spec.maximum, kInfinity));
    }
  }
}

Samples samples_of(const OptionSpec& spec) {
  Samples samples;
  samples.inside.push_back(spec.default_value);
  add_bounds(spec, samples);
  const std::string stranger = "no-such-choice";
  for (const std::string& choice : spec.one_of) {
    if (spec.type == OptionType::string) {
      samples.inside.emplace_back(choice);
    } else {
      samples.inside.emplace_back(std::vector<std::string>{choice});
    }
  }
  if (!spec.one_of.empty()) {
    samples.outside.emplace_back(stranger);
  }
  // Another type than the declared one.
  if (spec.type == OptionType::boolean) {
    samples.outside.emplace_back(int64_t{1});
  } else {
    samples.outside.emplace_back(true);
  }
  return samples;
}

/// Probe and create with options that the manifest allows.
/// @param changed what is not as the user gave it
/// @returns false when the probe says, with a reason, that this combination
/// cannot be used here; an error of either is a refusal and fails
bool take(
    const Manifest& manifest,
    LoadedPlugin& plugin,
    const OptionTable& options,
    const std::string& changed) {
  try {
    const ProbeVerdict verdict = plugin.probe(options);
    if (!verdict.usable) {
      expect(
          !verdict.reason.empty(),
          "its probe cannot use " + changed + " and does not say why");
      return false;
    }
    if (manifest.kind == PluginKind::precision) {
      plugin.create_precision(options);
    } else {
      plugin.create_feature(options);
    }
  } catch (const Failure& failure) {
    fail(
        "the manifest allows " + changed +
        ", but the plugin refuses it: " + failure.message());
  }
  return true;
}

/// Options whose values are of every type but the declared one.
std::vector<OctetOption> mistyped(const OptionTable& options) {
  std::vector<OctetOption> items;
  for (const auto& [key, option] : options.values) {
    OctetOption item{};
    item.key = key.c_str();
    item.type = std::holds_alternative<int64_t>(option.value)
        ? OCTET_OPTION_REAL
        : OCTET_OPTION_INTEGER;
    items.push_back(item);
  }
  return items;
}

const OctetPlugin& descriptor_of(const CatalogEntry& entry) {
  // The library is open already; this only finds it again.
  void* library =
      ::dlopen(entry.path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD);
  expect(library != nullptr, "the library is not loaded any more");
  const void* symbol = ::dlsym(library, "octet_plugin");
  expect(symbol != nullptr, "the descriptor is gone");
  return *static_cast<const OctetPlugin*>(symbol);
}

void expect_status(const OctetStatus& status, const std::string& call) {
  expect(
      ::strnlen(status.message, sizeof(status.message)) <
          sizeof(status.message),
      call + " wrote a message without an end");
  expect(
      status.code == OCTET_OK || status.message[0] != '\0',
      call + " failed without a message");
}

/// Calls probe and create; an exception is the failure of this check.
void call_both(
    const OctetPlugin& plugin,
    const std::vector<OctetOption>& items,
    const std::string& with) {
  const OctetOptions options{
      sizeof(OctetOptions), static_cast<uint32_t>(items.size()), items.data()};
  std::string call = "probe with " + with;
  try {
    OctetProbe verdict{};
    expect_status(plugin.probe(&host_facts(), &options, &verdict), call);
    call = "create with " + with;
    OctetInterface made{};
    const OctetStatus status = plugin.create(&host_facts(), &options, &made);
    expect_status(status, call);
    if (status.code == OCTET_OK) {
      plugin.destroy(&made);
    }
  } catch (const Error& error) {
    if (error.component() == "conformance") {
      throw;
    }
    fail(call + " let an exception out: " + error.what());
  } catch (const std::exception& error) {
    fail(call + " let an exception out: " + error.what());
  } catch (...) {
    fail(call + " let out what is not even a std::exception");
  }
}

} // namespace

// What lies outside goes to the host alone: it checks options before a plugin
// is loaded, so no plugin ever sees such a value.
void check_options_of(
    const Manifest& manifest,
    const OptionTable& given,
    LoadedPlugin& plugin,
    Recorder& recorder) {
  recorder.run("options", [&] {
    int64_t taken = 0, unusable = 0, stopped = 0;
    for (const auto& [name, spec] : manifest.options) {
      const Samples samples = samples_of(spec);
      for (const Value& value : samples.inside) {
        const std::string changed = name + " = " + octet::to_string(value);
        OptionTable options;
        expect(
            host_accepts(manifest, given, name, value, &options),
            changed +
                " lies within what the manifest declares, but the host rejects "
                "it");
        ++(take(manifest, plugin, options, changed) ? taken : unusable);
      }
      for (const Value& value : samples.outside) {
        expect(
            !host_accepts(manifest, given, name, value),
            name + " = " + octet::to_string(value) +
                " lies outside what the manifest declares, but the host takes "
                "it");
        ++stopped;
      }
    }
    expect(
        !host_accepts(manifest, given, "no_such_option", true),
        "the host takes an option that the manifest does not have");
    return fmt::format(
        "declared values taken: {}{}; stopped by the host: {}",
        taken,
        unusable == 0 ? "" : fmt::format(", not usable here: {}", unusable),
        stopped + 1);
  });
}

void check_exceptions(
    const CatalogEntry& entry,
    const OptionTable& options,
    Recorder& recorder) {
  recorder.run("exceptions", [&] {
    const OctetPlugin& plugin = descriptor_of(entry);
    call_both(plugin, {}, "no options");
    call_both(plugin, mistyped(options), "options of other types");
    OctetInterface nothing{};
    plugin.destroy(&nothing);
    return std::string();
  });
}

} // namespace octet::conformance
