// Reading the two sections of a plugin's file, above all of files that lie.
// Expected texts come from the fixture's own toml and from the headers.
#include "core/plugin/inspect.h"
#include "core/base/problems.h"
#include "tests/core/plugin/zoo.h"

#include <octet/abi.h>

#include <elf.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;
using zoo::message_of;
namespace fs = std::filesystem;

const std::string& good_bytes() {
  static const std::string bytes = zoo::bytes_of(zoo::file("good_feature"));
  return bytes;
}

// What reading these bytes says: "" when they are read without complaint.
std::string complaint(const std::string& bytes) {
  static const zoo::Folder folder;
  const fs::path file = folder.path() / "file.so";
  zoo::write_bytes(file, bytes);
  return message_of([&] { read_plugin_file(file); });
}

// The bytes of the good fixture with one field of a header overwritten.
template <typename Header, typename Field>
std::string with_field(size_t offset, Field Header::*field, uint64_t value) {
  std::string bytes = good_bytes();
  Header header;
  std::memcpy(&header, bytes.data() + offset, sizeof(header));
  header.*field = static_cast<Field>(value);
  std::memcpy(bytes.data() + offset, &header, sizeof(header));
  return bytes;
}

Elf64_Ehdr good_header() {
  Elf64_Ehdr header;
  std::memcpy(&header, good_bytes().data(), sizeof(header));
  return header;
}

size_t section_offset(size_t index) {
  return good_header().e_shoff + index * sizeof(Elf64_Shdr);
}

// The header of the section with that name, found independently of the code
// under test: by its content.
size_t manifest_header() {
  const size_t text = good_bytes().find("[plugin]");
  for (size_t i = 0; i < good_header().e_shnum; ++i) {
    Elf64_Shdr section;
    std::memcpy(
        &section, good_bytes().data() + section_offset(i), sizeof(section));
    if (section.sh_type == SHT_PROGBITS && section.sh_offset <= text &&
        text < section.sh_offset + section.sh_size) {
      return section_offset(i);
    }
  }
  throw std::logic_error("the fixture has no manifest section");
}

TEST(Inspect, ReadsTheManifestAsItStandsInTheSourceTree) {
  const fs::path source =
      fs::path(OCTET_SOURCE_DIR) / "tests/fixtures/plugins/good_feature.toml";
  EXPECT_EQ(
      read_plugin_file(zoo::file("good_feature")).manifest,
      zoo::bytes_of(source));
}

TEST(Inspect, ReadsAFileWithoutItsSymbolTables) {
  const zoo::Folder folder;
  const fs::path file = folder.path() / "stripped.so";
  const std::string command =
      "strip -s -o " + file.string() + " " + zoo::file("good_feature").string();
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_THAT(read_plugin_file(file).manifest, HasSubstr("good-feature"));
}

TEST(Inspect, PluginsOfThisBuildHaveTheHostsFingerprint) {
  EXPECT_EQ(
      read_plugin_file(zoo::file("good_feature")).build, host_fingerprint());
}

TEST(Inspect, FileThatIsNotThere) {
  EXPECT_THAT(
      message_of([] { read_plugin_file("/nowhere/at/all.so"); }),
      HasSubstr("/nowhere/at/all.so: cannot be opened: No such file"));
}

TEST(Inspect, NamedPipeDoesNotHang) {
  const zoo::Folder folder;
  const fs::path pipe = folder.path() / "pipe.so";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(
      message_of([&] { read_plugin_file(pipe); }),
      HasSubstr("expected a regular file"));
}

TEST(Inspect, TextFileIsNoLibrary) {
  EXPECT_THAT(
      complaint("#!/bin/sh\necho this is a script\n"),
      HasSubstr("is no shared library"));
}

TEST(Inspect, EmptyFileIsDamaged) {
  EXPECT_THAT(complaint(""), HasSubstr("is damaged"));
}

TEST(Inspect, EveryTruncationIsRefused) {
  const std::string& bytes = good_bytes();
  for (size_t size = 0; size < bytes.size(); size += 64) {
    ASSERT_NE(complaint(bytes.substr(0, size)), "") << size;
  }
  EXPECT_NE(complaint(bytes.substr(0, bytes.size() - 1)), "");
  EXPECT_EQ(complaint(bytes), "");
}

// No byte of the headers may crash the reader, whatever its value is.
TEST(Inspect, SurvivesEveryByteOfTheHeadersChanged) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  const std::string& bytes = good_bytes();
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  int64_t complaints = 0;
  for (size_t at = 0; at < bytes.size(); ++at) {
    const bool in_header =
        at < sizeof(Elf64_Ehdr) || at >= good_header().e_shoff;
    for (const char value : {'\x00', '\x01', '\x7f', '\x80', '\xff'}) {
      if (!in_header || value == bytes[at]) {
        continue;
      }
      const auto place = static_cast<off_t>(at);
      ASSERT_EQ(::pwrite(descriptor, &value, 1, place), 1);
      complaints += message_of([&] { read_plugin_file(file); }).empty() ? 0 : 1;
      ASSERT_EQ(::pwrite(descriptor, &bytes[at], 1, place), 1);
    }
  }
  ::close(descriptor);
  EXPECT_GT(complaints, 100);
  EXPECT_EQ(zoo::bytes_of(file), bytes);
}

TEST(Inspect, OtherMachineIsNamed) {
  EXPECT_THAT(
      complaint(with_field(0, &Elf64_Ehdr::e_machine, EM_AARCH64)),
      HasSubstr("built for another machine: expected x86-64 (62), found ELF "
                "machine 183"));
}

TEST(Inspect, ThirtyTwoBitsAreRefused) {
  std::string bytes = good_bytes();
  bytes[EI_CLASS] = ELFCLASS32;
  EXPECT_THAT(complaint(bytes), HasSubstr("expected a 64-bit"));
}

TEST(Inspect, ObjectFilesAreRefused) {
  EXPECT_THAT(
      complaint(with_field(0, &Elf64_Ehdr::e_type, ET_REL)),
      HasSubstr("expected a shared library (ELF type 3), found type 1"));
}

TEST(Inspect, WithoutSectionHeadersIsRefused) {
  for (const auto& bytes :
       {with_field(0, &Elf64_Ehdr::e_shoff, 0),
        with_field(0, &Elf64_Ehdr::e_shnum, 0),
        with_field(0, &Elf64_Ehdr::e_shstrndx, 0xffff)}) {
    EXPECT_THAT(complaint(bytes), HasSubstr("no usable section headers"));
  }
}

TEST(Inspect, HeaderTableBeyondTheFileIsDamage) {
  for (const uint64_t offset :
       {good_bytes().size(), ~size_t{0}, ~size_t{0} - 63}) {
    EXPECT_THAT(
        complaint(with_field(0, &Elf64_Ehdr::e_shoff, offset)),
        HasSubstr("is damaged: its section headers"));
  }
}

TEST(Inspect, ForgedSectionSizeAllocatesNothing) {
  EXPECT_THAT(
      complaint(with_field(
          manifest_header(), &Elf64_Shdr::sh_size, uint64_t{1} << 40)),
      HasSubstr("section .octet.manifest claims 1099511627776 bytes"));
}

TEST(Inspect, SectionThatEndsBeyondTheFileIsDamage) {
  for (const uint64_t offset : {good_bytes().size() - 1, ~size_t{0}}) {
    EXPECT_THAT(
        complaint(
            with_field(manifest_header(), &Elf64_Shdr::sh_offset, offset)),
        HasSubstr("is damaged: its section .octet.manifest"));
  }
}

TEST(Inspect, SectionWithoutBytesInTheFileIsRefused) {
  EXPECT_THAT(
      complaint(
          with_field(manifest_header(), &Elf64_Shdr::sh_type, SHT_NOBITS)),
      HasSubstr("holds no plain bytes"));
  EXPECT_THAT(
      complaint(
          with_field(manifest_header(), &Elf64_Shdr::sh_flags, SHF_COMPRESSED)),
      HasSubstr("holds no plain bytes"));
}

TEST(Inspect, TwoManifestsAreRefused) {
  std::string bytes = good_bytes();
  Elf64_Shdr manifest, other;
  std::memcpy(&manifest, bytes.data() + manifest_header(), sizeof(manifest));
  std::memcpy(&other, bytes.data() + section_offset(1), sizeof(other));
  other.sh_name = manifest.sh_name;
  std::memcpy(bytes.data() + section_offset(1), &other, sizeof(other));
  EXPECT_THAT(complaint(bytes), HasSubstr("has two sections .octet.manifest"));
}

TEST(Inspect, NameBeyondTheNameTableIsNoMatch) {
  EXPECT_THAT(
      complaint(
          with_field(manifest_header(), &Elf64_Shdr::sh_name, 0xffffffff)),
      HasSubstr("no section .octet.manifest"));
}

TEST(Fingerprint, SaysWhatThisBuildIs) {
  const std::string text(host_fingerprint());
  EXPECT_THAT(text, HasSubstr("platform=linux-x86_64-glibc\n"));
  EXPECT_THAT(text, HasSubstr("libtorch=2.13.0\n"));
  EXPECT_THAT(
      text, HasSubstr("sdk_abi=" + std::to_string(OCTET_SDK_ABI) + "\n"));
}

TEST(Fingerprint, EqualOnesDoNotDiffer) {
  EXPECT_THAT(fingerprint_differences("a=1\nb=2\n", "b=2\na=1\n"), IsEmpty());
}

TEST(Fingerprint, TellsEveryDifference) {
  EXPECT_THAT(
      fingerprint_differences(
          "libtorch=2.4.0\ncxx11_abi=0\nextra=yes\n",
          "libtorch=2.13.0\ncxx11_abi=1\nsdk_abi=3\n"),
      UnorderedElementsAre(
          "built for LibTorch 2.4.0, this trainer has 2.13.0",
          "built for CXX11 ABI 0, this trainer has 1",
          "does not say its SDK ABI; this trainer has 3",
          "asks for extra yes, which this trainer does not know"));
}

TEST(Fingerprint, PrintsNoControlCharactersOfAFile) {
  EXPECT_THAT(
      fingerprint_differences("cuda=\x1b[31mred\x07\n", "cuda=none\n"),
      ElementsAre("built for CUDA ?[31mred?, this trainer has none"));
}

TEST(Fingerprint, AnEmptyOneLacksEverything) {
  EXPECT_EQ(fingerprint_differences("", host_fingerprint()).size(), 7u);
}

} // namespace
} // namespace octet
