// Headers and bytes of an ELF file; see the header.
#include "core/plugin/elf_file.h"

#include "core/base/problems.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace octet {

ElfFile::ElfFile(const std::filesystem::path& path) : path_(path.string()) {
  // O_NONBLOCK: opening a named pipe must not wait for its writer.
  file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file_ < 0) {
    refuse(std::string("cannot be opened: ") + std::strerror(errno));
  }
  try {
    struct stat facts {};
    if (::fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      refuse("expected a regular file");
    }
    size_ = static_cast<uint64_t>(facts.st_size);
    read_header();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

ElfFile::~ElfFile() {
  ::close(file_);
}

void ElfFile::refuse(const std::string& text) const {
  throw Failure(ExitCode::resolution, "inspect", path_ + ": " + text);
}

void ElfFile::read(uint64_t offset, void* to, uint64_t size, const char* what)
    const {
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

void ElfFile::read_header() {
  unsigned char identity[EI_NIDENT] = {};
  read(0, identity, sizeof(identity), "ELF identity");
  if (std::memcmp(identity, ELFMAG, SELFMAG) != 0) {
    refuse("is no shared library (not an ELF file)");
  }
  if (identity[EI_CLASS] != ELFCLASS64 || identity[EI_DATA] != ELFDATA2LSB) {
    refuse("expected a 64-bit little-endian library, found another kind");
  }
  read(0, &header_, sizeof(header_), "ELF header");
  if (header_.e_machine != EM_X86_64) {
    refuse(
        "is built for another machine: expected x86-64 (62), found ELF "
        "machine " +
        std::to_string(header_.e_machine));
  }
  if (header_.e_type != ET_DYN) {
    refuse(
        "expected a shared library (ELF type 3), found type " +
        std::to_string(header_.e_type));
  }
}

std::vector<Elf64_Shdr> ElfFile::sections() const {
  if (header_.e_shentsize != sizeof(Elf64_Shdr)) {
    refuse("has section headers of an unknown size");
  }
  // Files of 65,280 sections and more count them elsewhere; no plugin has them.
  if (header_.e_shoff == 0 || header_.e_shnum == 0 ||
      header_.e_shstrndx >= header_.e_shnum) {
    refuse("has no usable section headers");
  }
  std::vector<Elf64_Shdr> sections(header_.e_shnum);
  read(
      header_.e_shoff,
      sections.data(),
      sections.size() * sizeof(Elf64_Shdr),
      "section headers");
  return sections;
}

std::vector<Elf64_Phdr> ElfFile::segments() const {
  if (header_.e_phnum == 0 || header_.e_phentsize != sizeof(Elf64_Phdr)) {
    refuse("has no usable program headers");
  }
  std::vector<Elf64_Phdr> segments(header_.e_phnum);
  read(
      header_.e_phoff,
      segments.data(),
      segments.size() * sizeof(Elf64_Phdr),
      "program headers");
  return segments;
}

std::string ElfFile::text_at(uint64_t offset, uint64_t end, const char* what)
    const {
  end = std::min(end, size_);
  if (offset >= end) {
    refuse(std::string("is damaged: its ") + what + " lies outside the file");
  }
  std::array<char, 4096> buffer{};
  const uint64_t size = std::min<uint64_t>(end - offset, buffer.size());
  read(offset, buffer.data(), size, what);
  const size_t length = ::strnlen(buffer.data(), size);
  if (length == size) {
    refuse(std::string("is damaged: its ") + what + " does not end");
  }
  return {buffer.data(), length};
}

} // namespace octet
