// What a pin says against what is there.
#include "core/plugin/pins.h"

#include "core/base/one_line.h"
#include "core/base/problems.h"

namespace octet {

namespace {

constexpr const char* kScheme = "sha256:";

[[noreturn]] void refuse(const CatalogEntry& entry, const std::string& text) {
  throw Failure(
      ExitCode::resolution,
      "plugin " + entry.manifest.name,
      text + " (" + entry.path.string() + ")");
}

std::string problem_of_pin(const Catalog& catalog, const std::string& name) {
  const CatalogEntry* entry = catalog.find_any(name);
  if (entry != nullptr) {
    return entry->status == PluginStatus::ready
        ? ""
        : "plugin " + name + " (" + entry->path.string() +
            ") cannot be used: " + one_line(entry->reason);
  }
  if (const KnownPlugin* known = catalog.find_known(name)) {
    return how_to_get(*known);
  }
  std::vector<std::string> names;
  for (const CatalogEntry& other : catalog.entries) {
    names.push_back(other.manifest.name);
  }
  const std::string near = nearest_name(name, names);
  return "there is no plugin " + name +
      (near.empty() ? "; remove the line" : "; did you mean " + near + "?");
}

} // namespace

bool apply_pin(CatalogEntry& entry, const std::string& pin) {
  FileDigest found;
  try {
    found = digest_file(entry.path);
  } catch (const Error& error) {
    // A file that cannot be read has no digest; its reason mostly says why.
    entry.status = PluginStatus::rejected;
    entry.reason = entry.reason.empty() ? error.message() : entry.reason;
    return false;
  }
  entry.digest = found.sha256;
  entry.identity = found.identity;
  if (kScheme + found.sha256 == pin) {
    return true;
  }
  entry.status = PluginStatus::rejected;
  entry.reason += (entry.reason.empty() ? "" : "\n") +
      std::string("[plugins.pin] expects ") + pin + ", found " + kScheme +
      found.sha256 +
      "; if you put another version there, pin its digest; if not, put the "
      "pinned file back";
  return false;
}

std::string pin_of(const CatalogEntry& entry) {
  return entry.digest.empty() ? "" : kScheme + entry.digest;
}

void require_pins(
    const Catalog& catalog,
    const std::map<std::string, std::string>& pins,
    const SourcePlace& place) {
  Problems problems;
  for (const auto& [name, pin] : pins) {
    const std::string problem = problem_of_pin(catalog, name);
    if (!problem.empty()) {
      problems.add(
          "plugins.pin." + name + " (" + place.text() + "): " + problem);
    }
  }
  problems.raise(ExitCode::resolution, "plugins", "pins do not hold");
}

void require_unchanged(const CatalogEntry& entry) {
  if (!entry.digest.empty() && !(identity_of(entry.path) == entry.identity)) {
    refuse(
        entry,
        "expected the file whose digest was compared with its pin, found one "
        "that was replaced or written to since; start again");
  }
}

void require_pinned_mapping(const CatalogEntry& entry, const void* address) {
  if (entry.digest.empty()) {
    return;
  }
  const FileIdentity mapped = mapped_file(address);
  // Some file systems (overlays, btrfs) show another device in the maps than
  // in stat; then the inode alone has to do.
  if (mapped.inode != entry.identity.inode) {
    refuse(
        entry,
        "expected inode " + std::to_string(entry.identity.inode) +
            ", whose digest was compared with its pin, found inode " +
            std::to_string(mapped.inode) +
            " loaded; something replaced the file meanwhile");
  }
  require_unchanged(entry);
}

} // namespace octet
