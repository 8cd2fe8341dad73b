// SHA-256 of a file in pieces of 1 MiB.
#include "core/io/digest.h"

#include "core/base/sha256.h"
#include "core/io/input_file.h"

#include <algorithm>

namespace octet {

std::string sha256_of_file(const std::filesystem::path& path) {
  const InputFile file(path, "files");
  Sha256 digest;
  std::string buffer(std::min(file.size(), size_t{1} << 20), '\0');
  for (size_t offset = 0; offset < file.size();) {
    const size_t count = std::min(buffer.size(), file.size() - offset);
    file.read(offset, std::as_writable_bytes(std::span(buffer).first(count)));
    digest.update(std::string_view(buffer).substr(0, count));
    offset += count;
  }
  return digest.hex();
}

} // namespace octet
