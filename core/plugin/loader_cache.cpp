// The form is that of glibc's dl-cache.h (struct cache_file_new): a header, the
// entries, and texts at offsets from the header.
#include "core/plugin/loader_cache.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

namespace octet {

namespace {

constexpr std::string_view kMagic = "glibc-ld.so.cache1.1";
constexpr size_t kLargestCache = 16u << 20;
/// FLAG_ELF_LIBC6 | FLAG_X8664_LIB64
constexpr int32_t kLibrary64 = 0x0303;

struct Header {
  char magic[20];
  uint32_t entries;
  uint32_t text_bytes;
  uint32_t unused[5];
};
static_assert(sizeof(Header) == 48);

struct Entry {
  int32_t flags;
  uint32_t name, path;
  uint32_t os_version;
  uint64_t capabilities;
};
static_assert(sizeof(Entry) == 24);

/// "" for a place outside the bytes.
std::string text_at(std::string_view bytes, size_t offset) {
  if (offset >= bytes.size()) {
    return "";
  }
  const size_t end = bytes.find('\0', offset);
  return end == std::string_view::npos
      ? ""
      : std::string(bytes.substr(offset, end - offset));
}

} // namespace

std::unordered_map<std::string, std::string> parse_loader_cache(
    std::string_view bytes) {
  std::unordered_map<std::string, std::string> libraries;
  // A cache may begin with entries in the old form; the new one follows.
  const size_t start = bytes.find(kMagic);
  if (start == std::string_view::npos ||
      bytes.size() - start < sizeof(Header)) {
    return libraries;
  }
  bytes.remove_prefix(start);
  Header header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  for (size_t i = 0; i < header.entries; ++i) {
    const size_t at = sizeof(Header) + i * sizeof(Entry);
    if (at + sizeof(Entry) > bytes.size()) {
      break;
    }
    Entry entry;
    std::memcpy(&entry, bytes.data() + at, sizeof(entry));
    if (entry.flags == kLibrary64) {
      libraries.emplace(text_at(bytes, entry.name), text_at(bytes, entry.path));
    }
  }
  return libraries;
}

std::unordered_map<std::string, std::string> read_loader_cache(
    const std::filesystem::path& file) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (error || size > kLargestCache) {
    return {};
  }
  std::ifstream stream(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
  return parse_loader_cache(bytes);
}

} // namespace octet
