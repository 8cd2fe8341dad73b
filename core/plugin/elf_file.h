// Bounded reading of an ELF file (System V ABI, chapters 4 and 5) with pread.
// A file may lie about every number, so each is checked against the file's size
// before it is used, and sums cannot overflow. Nothing is mapped or executed.
#pragma once

#include <elf.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace octet {

/// An open shared library for x86-64.
class ElfFile {
 public:
  /// Opens the file and checks that it is a 64-bit shared library.
  /// @throws Failure(resolution) that names the file and what is wrong with it
  explicit ElfFile(const std::filesystem::path& path);
  ~ElfFile();
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;

  const Elf64_Ehdr& header() const {
    return header_;
  }
  /// @throws Failure(resolution) "PATH: text"
  [[noreturn]] void refuse(const std::string& text) const;
  /// @param what names the bytes in the message when the file is too short
  void read(uint64_t offset, void* to, uint64_t size, const char* what) const;

  std::vector<Elf64_Shdr> sections() const;
  std::vector<Elf64_Phdr> segments() const;
  /// The text that begins at `offset`, at most 4 KiB, without its terminator.
  /// @param end where its string table ends
  std::string text_at(uint64_t offset, uint64_t end, const char* what) const;

 private:
  void read_header();

  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0;
  Elf64_Ehdr header_{};
};

} // namespace octet
