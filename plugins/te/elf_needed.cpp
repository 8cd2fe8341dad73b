// Reads only the headers, the dynamic section and its strings: the library
// itself has hundreds of megabytes. Every offset is checked.
#include "elf_needed.h"

#include <octet/error.h>

#include <elf.h>

#include <fstream>

namespace octet::te {
namespace {

[[noreturn]] void refuse(
    const std::filesystem::path& file,
    const std::string& what) {
  throw Error(
      "te",
      "expected a shared library, found " + what + " (" + file.string() +
          "); install transformer-engine-cu13 again");
}

class File {
 public:
  explicit File(const std::filesystem::path& path)
      : path_(path), stream_(path, std::ios::binary) {
    std::error_code error;
    size_ = std::filesystem::file_size(path, error);
    if (!stream_ || error) {
      refuse(path, "a file that cannot be read");
    }
  }

  template <typename T>
  std::vector<T> read(uint64_t offset, uint64_t count) {
    if (offset > size_ || count > (size_ - offset) / sizeof(T)) {
      refuse(path_, "a truncated file");
    }
    std::vector<T> items(count);
    stream_.seekg(static_cast<std::streamoff>(offset));
    stream_.read(
        reinterpret_cast<char*>(items.data()),
        static_cast<std::streamsize>(count * sizeof(T)));
    if (!stream_) {
      refuse(path_, "a file that cannot be read");
    }
    return items;
  }

 private:
  std::filesystem::path path_;
  std::ifstream stream_;
  uint64_t size_ = 0;
};

/// Where an address of the loaded library lies in the file.
uint64_t file_offset(const std::vector<Elf64_Phdr>& parts, uint64_t address) {
  for (const Elf64_Phdr& part : parts) {
    if (part.p_type == PT_LOAD && address >= part.p_vaddr &&
        address - part.p_vaddr < part.p_filesz) {
      return part.p_offset + (address - part.p_vaddr);
    }
  }
  return UINT64_MAX;
}

} // namespace

std::vector<std::string> needed_libraries(const std::filesystem::path& file) {
  File elf(file);
  const Elf64_Ehdr header = elf.read<Elf64_Ehdr>(0, 1).front();
  if (std::string(header.e_ident, header.e_ident + SELFMAG) != ELFMAG ||
      header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_type != ET_DYN ||
      header.e_phentsize != sizeof(Elf64_Phdr)) {
    refuse(file, "another kind of file");
  }
  const auto parts = elf.read<Elf64_Phdr>(header.e_phoff, header.e_phnum);
  std::vector<uint64_t> names;
  uint64_t strings = UINT64_MAX, strings_size = 0;
  for (const Elf64_Phdr& part : parts) {
    if (part.p_type != PT_DYNAMIC) {
      continue;
    }
    for (const Elf64_Dyn& entry : elf.read<Elf64_Dyn>(
             part.p_offset, part.p_filesz / sizeof(Elf64_Dyn))) {
      if (entry.d_tag == DT_NULL) {
        break;
      }
      if (entry.d_tag == DT_NEEDED) {
        names.push_back(entry.d_un.d_val);
      } else if (entry.d_tag == DT_STRTAB) {
        strings = file_offset(parts, entry.d_un.d_ptr);
      } else if (entry.d_tag == DT_STRSZ) {
        strings_size = entry.d_un.d_val;
      }
    }
  }
  if (names.empty()) {
    return {};
  }
  std::vector<char> text = elf.read<char>(strings, strings_size);
  text.push_back('\0');
  std::vector<std::string> needed;
  for (const uint64_t name : names) {
    if (name >= strings_size) {
      refuse(file, "a damaged dynamic section");
    }
    needed.emplace_back(&text[name]);
  }
  return needed;
}

} // namespace octet::te
