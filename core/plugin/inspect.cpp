// Finds the two sections that octet_add_plugin wrote. Every offset and size of
// the file is taken for hostile (core/plugin/elf_file.h).
#include "core/plugin/inspect.h"

#include "core/plugin/elf_file.h"

namespace octet {

namespace {

// No manifest comes near it; keeps a forged size from allocating a terabyte.
constexpr uint64_t kLargestSection = 1u << 20;
constexpr uint64_t kLargestNameTable = 16u << 20;

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
  const std::vector<Elf64_Shdr> sections = file.sections();
  const std::string names = read_bytes(
      file,
      sections[file.header().e_shstrndx],
      kLargestNameTable,
      "table of section names");
  return {
      read_text_section(file, sections, names, ".octet.manifest"),
      read_text_section(file, sections, names, ".octet.build")};
}

} // namespace octet
