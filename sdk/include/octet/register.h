// OCTET_PRECISION_PLUGIN and OCTET_FEATURE_PLUGIN: define the data symbol of a
// plugin. Every entry is wrapped, so no exception crosses the C boundary.
//
//   OCTET_PRECISION_PLUGIN(probe, create)
//
// with   octet::ProbeResult probe(const OctetHost&, const octet::Options&);
//        std::unique_ptr<octet::PrecisionBackend> create(
//            const OctetHost&, const octet::Options&);
#pragma once

#include <octet/feature.h>
#include <octet/options.h>
#include <octet/plugin.h>
#include <octet/precision.h>

#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>
#include <string>

namespace octet {

/// A probe's verdict.
struct ProbeResult {
  /// Whether the plugin can be used on this machine.
  bool usable = false;
  /// Why not, or what the user should know.
  std::string reason;
};

namespace detail {

/// What does not fit ends with "..." behind a whole UTF-8 character.
template <size_t size>
void copy_text(char (&to)[size], const char* from) {
  constexpr char kCut[] = "...";
  if (std::snprintf(to, size, "%s", from) < static_cast<int>(size)) {
    return;
  }
  size_t end = size - sizeof(kCut);
  while (end > 0 && (static_cast<unsigned char>(to[end]) & 0xc0) == 0x80) {
    --end;
  }
  std::memcpy(to + end, kCut, sizeof(kCut));
}

template <typename Body>
OctetStatus guarded(Body&& body) {
  OctetStatus status{};
  try {
    body();
    return status;
  } catch (const std::exception& error) {
    copy_text(status.message, error.what());
  } catch (...) {
    copy_text(status.message, "an exception that is not a std::exception");
  }
  status.code = OCTET_FAILED;
  return status;
}

template <ProbeResult (*probe)(const OctetHost&, const Options&)>
OctetStatus probe_entry(
    const OctetHost* host,
    const OctetOptions* options,
    OctetProbe* out) {
  return guarded([&] {
    const ProbeResult result = probe(*host, Options(options));
    out->usable = result.usable ? 1 : 0;
    copy_text(out->reason, result.reason.c_str());
  });
}

template <std::unique_ptr<PrecisionBackend> (
    *create)(const OctetHost&, const Options&)>
OctetStatus create_precision(
    const OctetHost* host,
    const OctetOptions* options,
    OctetInterface* out) {
  return guarded([&] {
    *out = {OCTET_PLUGIN_MAGIC, OCTET_KIND_PRECISION, nullptr, nullptr};
    out->precision = create(*host, Options(options)).release();
  });
}

template <std::unique_ptr<Feature> (*create)(const OctetHost&, const Options&)>
OctetStatus create_feature(
    const OctetHost* host,
    const OctetOptions* options,
    OctetInterface* out) {
  return guarded([&] {
    *out = {OCTET_PLUGIN_MAGIC, OCTET_KIND_FEATURE, nullptr, nullptr};
    out->feature = create(*host, Options(options)).release();
  });
}

inline void destroy_entry(OctetInterface* interface) {
  delete static_cast<PrecisionBackend*>(interface->precision);
  delete static_cast<Feature*>(interface->feature);
  interface->precision = interface->feature = nullptr;
}

} // namespace detail
} // namespace octet

#define OCTET_DETAIL_PLUGIN(create_entry, probe)             \
  extern "C" OCTET_EXPORT const OctetPlugin octet_plugin = { \
      OCTET_PLUGIN_MAGIC,                                    \
      sizeof(OctetPlugin),                                   \
      &octet::detail::probe_entry<probe>,                    \
      create_entry,                                          \
      &octet::detail::destroy_entry};

/// Defines `octet_plugin` of a precision plugin.
#define OCTET_PRECISION_PLUGIN(probe, create) \
  OCTET_DETAIL_PLUGIN(&octet::detail::create_precision<create>, probe)

/// Defines `octet_plugin` of a feature plugin.
#define OCTET_FEATURE_PLUGIN(probe, create) \
  OCTET_DETAIL_PLUGIN(&octet::detail::create_feature<create>, probe)
