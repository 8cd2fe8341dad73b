// Missing libraries are named from files alone. What a file needs is compared
// with readelf, what the system has with ldconfig.
#include "core/plugin/library_search.h"
#include "core/plugin/loader_cache.h"
#include "tests/core/plugin/zoo.h"

#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>

namespace octet {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using zoo::message_of;
namespace fs = std::filesystem;

const fs::path kNoTraining = "/nowhere/liboctet_train.so";

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
      ::popen(command.c_str(), "r"), ::pclose);
  std::string text;
  std::array<char, 4096> buffer{};
  while (::fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
    text += buffer.data();
  }
  return text;
}

// The text in brackets of each line of readelf -d with `tag` in it.
std::vector<std::string> readelf(const fs::path& file, const std::string& tag) {
  std::istringstream lines(output_of("readelf -dW " + file.string()));
  std::vector<std::string> found;
  for (std::string line; std::getline(lines, line);) {
    const size_t open = line.find('['), close = line.find(']');
    if (line.find(tag) != std::string::npos && open != std::string::npos) {
      found.push_back(line.substr(open + 1, close - open - 1));
    }
  }
  return found;
}

LibraryCheck check(const fs::path& file) {
  return LibrarySearch(kNoTraining).check(file);
}

TEST(LibraryNeeds, AreThoseThatReadelfShows) {
  for (const fs::path& file :
       {zoo::file("good_feature"),
        zoo::file("missing_library"),
        fs::path(OCTET_BINARY_DIR) / "lib/octet/liboctet_base.so"}) {
    const auto expected = readelf(file, "(NEEDED)");
    ASSERT_FALSE(expected.empty()) << file;
    EXPECT_EQ(read_library_needs(file).needed, expected) << file;
  }
}

TEST(LibraryNeeds, OriginIsTheFilesOwnFolder) {
  const fs::path file = zoo::file("good_feature");
  ASSERT_THAT(readelf(file, "(RUNPATH)"), ElementsAre("$ORIGIN"));
  EXPECT_THAT(
      read_library_needs(file).runpath,
      ElementsAre(fs::canonical(file).parent_path().string()));
}

// ld.so takes the folder of the name it opened, not of what a link points to.
TEST(LibraryNeeds, OriginOfALinkIsTheLinksFolder) {
  const zoo::Folder folder;
  const fs::path link = folder.path() / "link.so";
  fs::create_symlink(zoo::file("good_feature"), link);
  EXPECT_THAT(
      read_library_needs(link).runpath, ElementsAre(folder.path().string()));
}

TEST(LibraryNeeds, ATruncatedFileIsRefused) {
  zoo::Folder folder;
  const fs::path file = folder.path() / "cut.so";
  zoo::write_bytes(
      file, zoo::bytes_of(zoo::file("good_feature")).substr(0, 70));
  EXPECT_THAT(
      message_of([&] { read_library_needs(file); }),
      HasSubstr("is damaged: its program headers"));
}

// Neither program headers nor dynamic section may crash the reader, whatever
// stands in them.
TEST(LibraryNeeds, SurvivesEveryByteOfItsTablesChanged) {
  zoo::Folder folder;
  const fs::path file = folder.path() / "changed.so";
  const std::string good = zoo::bytes_of(zoo::file("good_feature"));
  Elf64_Ehdr header;
  std::memcpy(&header, good.data(), sizeof(header));
  std::vector<std::pair<size_t, size_t>> parts = {
      {header.e_phoff, header.e_phnum * sizeof(Elf64_Phdr)}};
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(
        &segment,
        good.data() + header.e_phoff + i * sizeof(segment),
        sizeof(segment));
    if (segment.p_type == PT_DYNAMIC) {
      parts.emplace_back(segment.p_offset, segment.p_filesz);
    }
  }
  ASSERT_EQ(parts.size(), 2u);
  zoo::write_bytes(file, good);
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  int64_t complaints = 0;
  for (const auto& [begin, size] : parts) {
    for (size_t at = begin; at < begin + size; ++at) {
      const auto place = static_cast<off_t>(at);
      for (const char value : {'\x00', '\x7f', '\xff'}) {
        ASSERT_EQ(::pwrite(descriptor, &value, 1, place), 1);
        complaints +=
            message_of([&] { read_library_needs(file); }).empty() ? 0 : 1;
      }
      ASSERT_EQ(::pwrite(descriptor, &good[at], 1, place), 1);
    }
  }
  ::close(descriptor);
  EXPECT_GT(complaints, 50);
}

TEST(LibrarySearch, FindsEverythingThatAWorkingPluginNeeds) {
  const LibraryCheck found = check(zoo::file("good_feature"));
  EXPECT_THAT(found.missing, IsEmpty());
  EXPECT_EQ(found.problem(), "");
  EXPECT_FALSE(found.needs_libtorch);
}

TEST(LibrarySearch, NamesAMissingLibraryAndWhereItWasLookedFor) {
  zoo::Folder folder;
  const LibraryCheck found = check(folder.add("missing_library"));
  EXPECT_THAT(found.missing, ElementsAre("libfixture_absent.so"));
  EXPECT_THAT(found.folders, Contains(fs::canonical(folder.path()).string()));
  EXPECT_THAT(
      found.problem(),
      AllOf(
          StartsWith("needs libfixture_absent.so, found in none of "),
          HasSubstr("/etc/ld.so.cache"),
          HasSubstr("; install it, or put it beside the plugin")));
}

TEST(LibrarySearch, FindsALibraryBesideThePlugin) {
  zoo::Folder folder;
  const fs::path file = folder.add("missing_library");
  fs::copy_file(
      zoo::file("missing_library").parent_path() /
          "absent/libfixture_absent.so",
      folder.path() / "libfixture_absent.so");
  EXPECT_THAT(check(file).missing, IsEmpty());
}

TEST(LibrarySearch, AFileThatIsNoLibraryDoesNotCount) {
  zoo::Folder folder;
  const fs::path file = folder.add("missing_library");
  zoo::write_bytes(folder.path() / "libfixture_absent.so", "text");
  EXPECT_THAT(check(file).missing, ElementsAre("libfixture_absent.so"));
}

TEST(LibrarySearch, NamesWhatALibraryOfThePluginLacks) {
  zoo::Folder folder;
  const fs::path file = folder.add("missing_of_library");
  EXPECT_THAT(check(file).missing, ElementsAre("libfixture_middle.so"));
  fs::copy_file(
      zoo::file("missing_library").parent_path() /
          "absent/libfixture_middle.so",
      folder.path() / "libfixture_middle.so");
  EXPECT_THAT(
      check(file).missing,
      ElementsAre("libfixture_absent.so (for libfixture_middle.so)"));
}

TEST(LibrarySearch, LibrariesOfTheTrainingLibraryCountAsFound) {
  zoo::Folder folder, training;
  const fs::path file = folder.add("missing_library");
  // A stand-in that needs the absent library and has it beside itself.
  const fs::path library = training.add("missing_library", "liboctet_train");
  fs::copy_file(
      zoo::file("missing_library").parent_path() /
          "absent/libfixture_absent.so",
      training.path() / "libfixture_absent.so");
  const LibraryCheck found = LibrarySearch(library).check(file);
  EXPECT_THAT(found.missing, IsEmpty());
  EXPECT_TRUE(found.needs_libtorch);
}

TEST(LibrarySearch, TheCatalogRejectsWhatLacksALibrary) {
  zoo::Folder folder;
  folder.add("missing_library");
  const Catalog catalog = folder.catalog();
  EXPECT_EQ(catalog.entries.at(0).status, PluginStatus::rejected);
  EXPECT_THAT(
      catalog.entries.at(0).reason, StartsWith("needs libfixture_absent.so"));
}

TEST(LoaderCache, IsWhatLdconfigPrints) {
  const auto cache = read_loader_cache();
  std::istringstream lines(output_of("/sbin/ldconfig -p"));
  std::map<std::string, std::string> expected;
  for (std::string line; std::getline(lines, line);) {
    const size_t arrow = line.find(" => "), kind = line.find(" (libc6,x86-64)");
    if (arrow != std::string::npos && kind != std::string::npos) {
      // The first one of a name is the one that the loader takes.
      expected.emplace(line.substr(1, kind - 1), line.substr(arrow + 4));
    }
  }
  if (expected.empty()) {
    GTEST_SKIP() << "ldconfig shows nothing here";
  }
  for (const auto& [name, path] : expected) {
    ASSERT_TRUE(cache.count(name)) << name;
    EXPECT_EQ(cache.at(name), path);
  }
}

TEST(LoaderCache, SurvivesDamage) {
  const std::string bytes = zoo::bytes_of("/etc/ld.so.cache");
  if (bytes.size() < 4096) {
    GTEST_SKIP() << "no cache here";
  }
  EXPECT_THAT(parse_loader_cache(""), IsEmpty());
  EXPECT_THAT(parse_loader_cache("ld.so-1.7.0 and nothing more"), IsEmpty());
  for (size_t size = 0; size < bytes.size(); size += 997) {
    parse_loader_cache(std::string_view(bytes).substr(0, size));
  }
  for (size_t at = 0; at < 512; ++at) {
    std::string changed = bytes;
    changed[at] = '\xff';
    parse_loader_cache(changed);
  }
}

} // namespace
} // namespace octet
