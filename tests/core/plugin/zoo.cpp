// Files and folders for the plugin tests; see the header.
#include "tests/core/plugin/zoo.h"

#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace octet::zoo {

namespace fs = std::filesystem;

fs::path file(const std::string& name) {
  return fs::path(OCTET_BINARY_DIR) / "tests" / "plugins" / (name + ".so");
}

std::string bytes_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes) {
  std::ofstream stream(path, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void patch(
    const fs::path& path,
    const std::string& from,
    const std::string& to) {
  std::string bytes = bytes_of(path);
  size_t at = bytes.find(from);
  if (from.size() != to.size() || at == std::string::npos) {
    throw std::logic_error("nothing to patch: " + from);
  }
  for (; at != std::string::npos; at = bytes.find(from, at)) {
    bytes.replace(at, from.size(), to);
  }
  write_bytes(path, bytes);
}

Folder::Folder() {
  std::string pattern = fs::temp_directory_path() / "octet-zoo-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot make a folder like " + pattern);
  }
  path_ = pattern;
}

Folder::~Folder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path Folder::add(const std::string& fixture, const std::string& as) {
  const fs::path to = path_ / ((as.empty() ? fixture : as) + ".so");
  fs::copy_file(file(fixture), to);
  return to;
}

Catalog Folder::catalog() const {
  return build_catalog({{path_, "--plugin-path"}});
}

} // namespace octet::zoo
