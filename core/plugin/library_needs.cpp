// The loader finds the dynamic section through the program headers, so they
// are used here too: section headers may lie about it.
#include "core/plugin/library_needs.h"

#include "core/plugin/elf_file.h"

namespace octet {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostEntries = 4096;

/// File offset of a virtual address, and where the bytes there end.
struct Place {
  uint64_t offset = 0, end = 0;
};

Place place_of(
    const ElfFile& file,
    const std::vector<Elf64_Phdr>& segments,
    uint64_t address) {
  for (const Elf64_Phdr& segment : segments) {
    const uint64_t inside = address - segment.p_vaddr;
    const bool holds = segment.p_type == PT_LOAD &&
        address >= segment.p_vaddr && inside < segment.p_filesz &&
        segment.p_offset <= UINT64_MAX - segment.p_filesz;
    if (holds) {
      return {segment.p_offset + inside, segment.p_offset + segment.p_filesz};
    }
  }
  file.refuse("is damaged: its table of names is in no segment");
}

std::vector<Elf64_Dyn> dynamic_entries(
    const ElfFile& file,
    const std::vector<Elf64_Phdr>& segments) {
  for (const Elf64_Phdr& segment : segments) {
    if (segment.p_type != PT_DYNAMIC) {
      continue;
    }
    const uint64_t count = segment.p_filesz / sizeof(Elf64_Dyn);
    if (count > kMostEntries) {
      file.refuse(
          "its dynamic section claims " + std::to_string(count) +
          " entries; at most " + std::to_string(kMostEntries) + " are read");
    }
    std::vector<Elf64_Dyn> entries(count);
    file.read(
        segment.p_offset,
        entries.data(),
        count * sizeof(Elf64_Dyn),
        "dynamic section");
    for (size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].d_tag == DT_NULL) {
        entries.resize(i);
      }
    }
    return entries;
  }
  file.refuse("has no dynamic section");
}

std::string
replaced(std::string text, const std::string& what, const std::string& with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

/// Folders of a path with colons. Parts that are not absolute would depend on
/// the current directory: they are left out.
std::vector<std::string> folders_of(
    const std::string& text,
    const std::string& origin) {
  std::vector<std::string> folders;
  std::string rest = replaced(text, "${ORIGIN}", origin);
  rest = replaced(rest, "$ORIGIN", origin) + ":";
  for (size_t end = rest.find(':'); end != std::string::npos;
       end = rest.find(':')) {
    const fs::path folder = fs::path(rest.substr(0, end)).lexically_normal();
    if (folder.is_absolute()) {
      folders.push_back(folder.has_filename() ? folder : folder.parent_path());
    }
    rest.erase(0, end + 1);
  }
  return folders;
}

} // namespace

LibraryNeeds read_library_needs(const fs::path& path) {
  const ElfFile file(path);
  const std::vector<Elf64_Phdr> segments = file.segments();
  const std::vector<Elf64_Dyn> entries = dynamic_entries(file, segments);
  Place names;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_STRTAB) {
      names = place_of(file, segments, entry.d_un.d_ptr);
    }
  }
  const auto text = [&](const Elf64_Dyn& entry, const char* what) {
    if (entry.d_un.d_val > UINT64_MAX - names.offset) {
      file.refuse(std::string("is damaged: its ") + what + " has no place");
    }
    return file.text_at(names.offset + entry.d_un.d_val, names.end, what);
  };
  // As the loader does, the folder of the name that is opened: a link's own.
  const std::string origin =
      fs::absolute(path).lexically_normal().parent_path().string();
  LibraryNeeds needs;
  for (const Elf64_Dyn& entry : entries) {
    if (entry.d_tag == DT_NEEDED) {
      const std::string name = text(entry, "name of a library");
      needs.needed.push_back(
          name.find('/') == std::string::npos
              ? name
              : replaced(
                    replaced(name, "${ORIGIN}", origin), "$ORIGIN", origin));
    } else if (entry.d_tag == DT_RUNPATH) {
      needs.runpath = folders_of(text(entry, "RUNPATH"), origin);
    } else if (entry.d_tag == DT_RPATH) {
      needs.rpath = folders_of(text(entry, "RPATH"), origin);
    }
  }
  if (!needs.runpath.empty()) {
    needs.rpath.clear();
  }
  return needs;
}

} // namespace octet
