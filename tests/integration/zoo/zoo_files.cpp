// Damage, byte by byte; sections are found by their content, independently of
// the reader under test.
#include "tests/integration/zoo/zoo_files.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace octet::zoo {

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

template <typename Struct>
Struct get(const std::string& bytes, size_t at) {
  Struct value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

template <typename Struct>
void put(std::string& bytes, size_t at, const Struct& value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

} // namespace

fs::path built(const std::string& name) {
  return fs::path(OCTET_BINARY_DIR) / "tests/plugins" / (name + ".so");
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream stream(file, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void cut(const fs::path& file, double part) {
  const auto size = static_cast<double>(fs::file_size(file));
  fs::resize_file(file, static_cast<uintmax_t>(size * part));
}

void patch(
    const fs::path& file,
    const std::string& from,
    const std::string& to) {
  std::string bytes = read(file);
  size_t at = bytes.find(from);
  if (from.size() != to.size() || at == std::string::npos) {
    throw std::logic_error("nothing to patch: " + from);
  }
  for (; at != std::string::npos; at = bytes.find(from, at + from.size())) {
    bytes.replace(at, from.size(), to);
  }
  write(file, bytes);
}

void set_machine(const fs::path& file, uint16_t machine) {
  std::string bytes = read(file);
  auto header = get<Elf64_Ehdr>(bytes, 0);
  header.e_machine = machine;
  put(bytes, 0, header);
  write(file, bytes);
}

void forge_manifest_size(const fs::path& file, uint64_t size) {
  std::string bytes = read(file);
  const auto header = get<Elf64_Ehdr>(bytes, 0);
  const size_t text = bytes.find("[plugin]");
  for (size_t i = 0; i < header.e_shnum; ++i) {
    const size_t at = header.e_shoff + i * sizeof(Elf64_Shdr);
    auto section = get<Elf64_Shdr>(bytes, at);
    if (section.sh_type == SHT_PROGBITS && section.sh_offset <= text &&
        text < section.sh_offset + section.sh_size) {
      section.sh_size = size;
      put(bytes, at, section);
      write(file, bytes);
      return;
    }
  }
  throw std::logic_error("no manifest in " + file.string());
}

void open_to_everybody(const fs::path& file) {
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
}

} // namespace octet::zoo
