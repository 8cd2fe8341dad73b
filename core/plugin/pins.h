// [plugins.pin]: the SHA-256 that a plugin's file must have. A pin is checked
// when the catalog is built, before anything of the file is believed, and again
// around loading: the file that was loaded is the one that was digested.
#pragma once

#include "core/config/run_config.h"
#include "core/plugin/catalog.h"

namespace octet {

/// Rejects an entry whose file has another digest; keeps the digest and the
/// identity of one that fits.
/// @param pin "sha256:<64 hex digits>"
/// @returns whether the digest fits
bool apply_pin(CatalogEntry& entry, const std::string& pin);

/// The pin that let a file in: "sha256:<64 hex digits>"; "" without one.
std::string pin_of(const CatalogEntry& entry);

/// Every pin must have led to a ready plugin: a run that asks for a file of
/// which there is another version, or none, does not start.
/// @param place where the pins were written
/// @throws Failure(resolution) naming each pin that does not hold
void require_pins(
    const Catalog& catalog,
    const std::map<std::string, std::string>& pins,
    const SourcePlace& place);

/// The file at the entry's path is still the one that was digested. Does
/// nothing for a plugin without a pin.
/// @throws Failure(resolution)
void require_unchanged(const CatalogEntry& entry);

/// What was loaded at `address` is the file that was digested. Does nothing for
/// a plugin without a pin.
/// @throws Failure(resolution)
void require_pinned_mapping(const CatalogEntry& entry, const void* address);

} // namespace octet
