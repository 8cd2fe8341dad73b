// Reads two sections of an ELF file (System V ABI, chapter 4) with pread. A
// file may lie about every number, so each is checked against the file's size
// before it is used, and sums cannot overflow.
#include "core/plugin/inspect.h"

#include "core/base/problems.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

namespace octet {

namespace {

// No manifest comes near it; keeps a forged size from allocating a terabyte.
constexpr uint64_t kLargestSection = 1u << 20;
constexpr uint64_t kLargestNameTable = 16u << 20;

class ElfFile {
 public:
  explicit ElfFile(const std::filesystem::path& path) : path_(path.string()) {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) {
      refuse(std::string("cannot be opened: ") + std::strerror(errno));
    }
    struct stat facts {};
    if (::fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      ::close(file_);
      refuse("expected a regular file");
    }
    size_ = static_cast<uint64_t>(facts.st_size);
  }
  ~ElfFile() {
    ::close(file_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  [[noreturn]] void refuse(const std::string& text) const {
    throw Failure(ExitCode::resolution, "inspect", path_ + ": " + text);
  }

  void read(uint64_t offset, void* to, uint64_t size, const char* what) const {
    if (offset > size_ || size > size_ - offset) {
      refuse(
          std::string("is damaged: its ") + what + " would end at byte " +
          std::to_string(offset) + " + " + std::to_string(size) +
          ", the file has " + std::to_string(size_));
    }
    auto* out = static_cast<char*>(to);
    while (size > 0) {
      const ssize_t got = ::pread(file_, out, size, static_cast<off_t>(offset));
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got <= 0) {
        refuse(std::string("its ") + what + " cannot be read");
      }
      out += got;
      offset += static_cast<uint64_t>(got);
      size -= static_cast<uint64_t>(got);
    }
  }

 private:
  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
};

Elf64_Ehdr read_header(const ElfFile& file) {
  Elf64_Ehdr header{};
  unsigned char identity[EI_NIDENT] = {};
  file.read(0, identity, sizeof(identity), "ELF identity");
  if (std::memcmp(identity, ELFMAG, SELFMAG) != 0) {
    file.refuse("is no shared library (not an ELF file)");
  }
  if (identity[EI_CLASS] != ELFCLASS64 || identity[EI_DATA] != ELFDATA2LSB) {
    file.refuse("expected a 64-bit little-endian library, found another kind");
  }
  file.read(0, &header, sizeof(header), "ELF header");
  if (header.e_machine != EM_X86_64) {
    file.refuse(
        "is built for another machine: expected x86-64 (62), found ELF "
        "machine " +
        std::to_string(header.e_machine));
  }
  if (header.e_type != ET_DYN) {
    file.refuse(
        "expected a shared library (ELF type 3), found type " +
        std::to_string(header.e_type));
  }
  if (header.e_shentsize != sizeof(Elf64_Shdr)) {
    file.refuse("has section headers of an unknown size");
  }
  return header;
}

std::vector<Elf64_Shdr> read_sections(
    const ElfFile& file,
    const Elf64_Ehdr& header) {
  // Files of 65,280 sections and more count them elsewhere; no plugin has them.
  if (header.e_shoff == 0 || header.e_shnum == 0 ||
      header.e_shstrndx >= header.e_shnum) {
    file.refuse("has no usable section headers");
  }
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  file.read(
      header.e_shoff,
      sections.data(),
      sections.size() * sizeof(Elf64_Shdr),
      "section headers");
  return sections;
}

std::string read_bytes(
    const ElfFile& file,
    const Elf64_Shdr& section,
    uint64_t limit,
    const std::string& name) {
  if (section.sh_type == SHT_NOBITS || (section.sh_flags & SHF_COMPRESSED)) {
    file.refuse("its " + name + " holds no plain bytes");
  }
  if (section.sh_size > limit) {
    file.refuse(
        "its " + name + " claims " + std::to_string(section.sh_size) +
        " bytes; at most " + std::to_string(limit) + " are read");
  }
  std::string bytes(section.sh_size, '\0');
  file.read(section.sh_offset, bytes.data(), bytes.size(), name.c_str());
  return bytes;
}

std::string read_text_section(
    const ElfFile& file,
    const std::vector<Elf64_Shdr>& sections,
    const std::string& names,
    const std::string& wanted) {
  const Elf64_Shdr* found = nullptr;
  for (const Elf64_Shdr& section : sections) {
    // compare() reads at most the wanted name and its terminator.
    const bool match = section.sh_name < names.size() &&
        names.compare(
            section.sh_name,
            wanted.size() + 1,
            wanted.c_str(),
            wanted.size() + 1) == 0;
    if (match && found != nullptr) {
      file.refuse("has two sections " + wanted);
    }
    found = match ? &section : found;
  }
  if (found == nullptr) {
    file.refuse(
        "is no Octet plugin: it has no section " + wanted +
        "; build it with octet_add_plugin");
  }
  std::string text =
      read_bytes(file, *found, kLargestSection, "section " + wanted);
  text.erase(text.find_last_not_of('\0') + 1);
  return text;
}

} // namespace

PluginFile read_plugin_file(const std::filesystem::path& path) {
  const ElfFile file(path);
  const Elf64_Ehdr header = read_header(file);
  const std::vector<Elf64_Shdr> sections = read_sections(file, header);
  const std::string names = read_bytes(
      file,
      sections[header.e_shstrndx],
      kLargestNameTable,
      "table of section names");
  return {
      read_text_section(file, sections, names, ".octet.manifest"),
      read_text_section(file, sections, names, ".octet.build")};
}

} // namespace octet
