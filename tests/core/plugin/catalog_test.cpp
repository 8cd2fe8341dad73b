// The catalog: which files are found, in which order, and why one is not ready.
#include "core/plugin/catalog.h"
#include "core/base/problems.h"
#include "core/plugin/file_identity.h"
#include "core/plugin/inspect.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

const CatalogEntry& only(const Catalog& catalog) {
  EXPECT_EQ(catalog.entries.size(), 1u);
  return catalog.entries.at(0);
}

// Sets a variable of the environment for one test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() {
    ::unsetenv(name_);
  }

 private:
  const char* name_;
};

TEST(Catalog, ListsAPluginThatWouldAbortWhenLoaded) {
  zoo::Folder folder;
  folder.add("abort_on_load");
  EXPECT_EQ(only(folder.catalog()).status, PluginStatus::ready);
}

TEST(Catalog, TakesTheNameFromTheManifestNotFromTheFile) {
  zoo::Folder folder;
  folder.add("good_precision", "something_else");
  const Catalog catalog = folder.catalog();
  ASSERT_NE(catalog.find("good-precision"), nullptr);
  EXPECT_EQ(catalog.find("good-precision")->manifest.version, "1.2.3");
  EXPECT_EQ(catalog.find("something_else"), nullptr);
}

TEST(Catalog, SortsFilesOfAFolder) {
  zoo::Folder folder;
  folder.add("good_precision", "b");
  folder.add("good_feature", "c");
  folder.add("failing", "a");
  std::vector<std::string> files;
  for (const CatalogEntry& entry : folder.catalog().entries) {
    files.push_back(entry.path.filename());
  }
  EXPECT_THAT(files, ElementsAre("a.so", "b.so", "c.so"));
}

TEST(Catalog, KeepsAShadowedDuplicateWithTheWinnersPath) {
  zoo::Folder first, second;
  const fs::path winner = first.add("good_feature");
  second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "installed"}});
  ASSERT_EQ(catalog.entries.size(), 2u);
  EXPECT_EQ(catalog.entries[1].status, PluginStatus::shadowed);
  EXPECT_THAT(catalog.entries[1].reason, HasSubstr(winner.string()));
  EXPECT_EQ(catalog.find("good-feature")->path, winner);
}

// Whoever put a file first means that one; the next of its name must not run in
// its place unnoticed.
TEST(Catalog, ARejectedFileKeepsItsNameFromTheNextOne) {
  zoo::Folder first, second;
  const fs::path broken = first.add("good_feature");
  zoo::patch(broken, "sdk_abi=", "sdk_abx=");
  second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "installed"}});
  EXPECT_EQ(catalog.find("good-feature"), nullptr);
  EXPECT_EQ(catalog.find_any("good-feature")->path, broken);
  EXPECT_EQ(catalog.entries[1].status, PluginStatus::shadowed);
  EXPECT_EQ(
      catalog.entries[1].reason,
      "its name is taken by " + broken.string() +
          ", which cannot be used; mend or remove that file, or choose this "
          "one with [plugins.pin]");
}

// A file without a manifest has its file's name.
TEST(Catalog, ADamagedFileKeepsItsFilesName) {
  zoo::Folder first, second;
  zoo::write_bytes(first.path() / "good-feature.so", "damaged");
  second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "installed"}});
  EXPECT_EQ(catalog.find("good-feature"), nullptr);
}

// Its kind cannot be read; other files of the name, or Octet's own list, tell.
TEST(Catalog, ADamagedFileOfABackendIsABackend) {
  zoo::Folder first, second;
  for (const char* name : {"good-precision", "good-feature", "te", "lora"}) {
    zoo::write_bytes(first.path() / (std::string(name) + ".so"), "damaged");
  }
  second.add("good_precision");
  second.add("good_feature");
  Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "installed"}});
  catalog.known = {
      {"te", PluginKind::precision, "", ""},
      {"lora", PluginKind::feature, "", ""}};
  std::vector<std::string> backends;
  for (const CatalogEntry& entry : catalog.entries) {
    if (catalog.is_backend(entry)) {
      backends.push_back(entry.path.filename().string());
    }
  }
  EXPECT_THAT(
      backends, ElementsAre("good-precision.so", "te.so", "good_precision.so"));
}

TEST(Catalog, APinChoosesAmongFilesOfOneName) {
  zoo::Folder first, second;
  zoo::patch(first.add("good_feature"), "sdk_abi=", "sdk_abx=");
  const fs::path pinned = second.add("good_feature");
  const Catalog catalog = build_catalog(
      {{first.path(), "--plugin-path"}, {second.path(), "installed"}},
      {{"good-feature", "sha256:" + digest_file(pinned).sha256}});
  ASSERT_NE(catalog.find("good-feature"), nullptr);
  EXPECT_EQ(catalog.find("good-feature")->path, pinned);
  EXPECT_EQ(catalog.entries[0].status, PluginStatus::rejected);
}

TEST(Catalog, LooksNeitherIntoFoldersNorAtOtherFiles) {
  zoo::Folder folder;
  fs::create_directories(folder.path() / "inner");
  fs::create_directories(folder.path() / "folder.so");
  fs::copy_file(zoo::file("good_feature"), folder.path() / "inner" / "good.so");
  zoo::write_bytes(folder.path() / "notes.txt", "text");
  EXPECT_TRUE(folder.catalog().entries.empty());
}

TEST(Catalog, AFolderThatIsNotThereHasNoPlugins) {
  zoo::Folder folder;
  const Catalog catalog =
      build_catalog({{folder.path() / "missing", "--plugin-path"}});
  EXPECT_TRUE(catalog.entries.empty());
  EXPECT_EQ(catalog.folders.size(), 1u);
}

TEST(Catalog, RejectsALibraryWithoutSections) {
  zoo::Folder folder;
  folder.add("no_sections");
  const CatalogEntry entry = only(folder.catalog());
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_EQ(entry.manifest.name, "no_sections");
  EXPECT_THAT(entry.reason, HasSubstr("is no Octet plugin: it has no section"));
}

TEST(Catalog, RejectsAManifestWithAnUnknownKeyAndSaysWhichWasMeant) {
  zoo::Folder folder;
  folder.add("unknown_key");
  const CatalogEntry entry = only(folder.catalog());
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_THAT(
      entry.reason,
      AllOf(
          HasSubstr("expected the key plugin.summary, found none"),
          HasSubstr("plugin.sumary (line 5): unknown key; did you mean "
                    "plugin.summary?")));
}

TEST(Catalog, TellsEveryDifferenceOfTheFingerprintWithBothValues) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  zoo::patch(file, "libtorch=2", "libtorch=1");
  zoo::patch(file, "cxx11_abi=1", "cxx11_abi=0");
  const CatalogEntry entry = only(folder.catalog());
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_THAT(
      entry.reason,
      AllOf(
          HasSubstr("built for LibTorch 1.13.0, this trainer has 2.13.0"),
          HasSubstr("built for CXX11 ABI 0, this trainer has 1")));
}

TEST(Catalog, TellsManifestAndFingerprintProblemsAtOnce) {
  zoo::Folder folder;
  const std::string build(host_fingerprint());
  const size_t begin = build.find("cuda=");
  const std::string cuda = build.substr(begin, build.find('\n', begin) - begin);
  std::string other = cuda;
  other.back() = other.back() == '8' ? '9' : '8';
  zoo::patch(folder.add("unknown_key"), cuda, other);
  const CatalogEntry entry = only(folder.catalog());
  EXPECT_THAT(
      entry.reason,
      AllOf(
          HasSubstr("unknown key"),
          HasSubstr(
              "built for CUDA " + other.substr(5) + ", this trainer has " +
              cuda.substr(5))));
}

TEST(Catalog, RejectsAFileThatEveryUserCanWrite) {
  zoo::Folder folder;
  const fs::path file = folder.add("good_feature");
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  const CatalogEntry entry = only(folder.catalog());
  EXPECT_EQ(entry.status, PluginStatus::rejected);
  EXPECT_EQ(
      entry.reason,
      file.string() + " can be written by every user; run chmod o-w " +
          file.string());
}

TEST(Catalog, RejectsThePluginsOfAFolderThatEveryUserCanWrite) {
  zoo::Folder folder;
  folder.add("good_feature");
  fs::permissions(
      folder.path(), fs::perms::others_write, fs::perm_options::add);
  EXPECT_THAT(
      only(folder.catalog()).reason,
      HasSubstr(folder.path().string() + " can be written by every user"));
}

TEST(Catalog, ALinkIntoAFolderThatEveryUserCanWriteIsRejected) {
  zoo::Folder folder, open;
  const fs::path target = open.add("good_feature");
  fs::create_symlink(target, folder.path() / "link.so");
  EXPECT_EQ(only(folder.catalog()).reason, "");
  fs::permissions(open.path(), fs::perms::others_write, fs::perm_options::add);
  EXPECT_THAT(
      only(folder.catalog()).reason,
      HasSubstr(open.path().string() + " can be written by every user"));
}

// It is loaded with the plugin, and no plugin itself.
TEST(Catalog, RejectsAPluginWhoseOwnLibraryEveryUserCanWrite) {
  zoo::Folder folder;
  folder.add("missing_library");
  const fs::path library = folder.path() / "libfixture_absent.so";
  fs::copy_file(
      zoo::file("missing_library").parent_path() /
          "absent/libfixture_absent.so",
      library);
  EXPECT_EQ(only(folder.catalog()).reason, "");
  fs::permissions(library, fs::perms::others_write, fs::perm_options::add);
  EXPECT_EQ(
      only(folder.catalog()).reason,
      library.string() + " can be written by every user; run chmod o-w " +
          library.string());
}

TEST(Catalog, NamesAreThoseOfReadyPluginsOfAKind) {
  zoo::Folder folder;
  folder.add("good_precision");
  folder.add("good_feature");
  folder.add("failing");
  folder.add("no_sections");
  const Catalog catalog = folder.catalog();
  EXPECT_THAT(
      catalog.names(PluginKind::feature),
      ElementsAre("failing", "good-feature"));
  EXPECT_THAT(
      catalog.names(PluginKind::precision), ElementsAre("good-precision"));
}

TEST(PluginFolders, AreInTheDocumentedOrderAndAbsolute) {
  zoo::Folder a, b, c, d;
  const Variable variable(
      "OCTET_PLUGIN_PATH", c.path().string() + "::" + d.path().string());
  std::vector<std::string> origins;
  for (const SearchFolder& folder : plugin_folders({a.path()}, {b.path()})) {
    EXPECT_TRUE(folder.path.is_absolute());
    origins.push_back(folder.origin);
  }
  EXPECT_THAT(
      origins,
      ElementsAre(
          "--plugin-path",
          "run.toml",
          "OCTET_PLUGIN_PATH",
          "OCTET_PLUGIN_PATH",
          "installed"));
}

TEST(PluginFolders, NeverHoldTheCurrentDirectoryUnasked) {
  const Variable variable("OCTET_PLUGIN_PATH", ":");
  for (const SearchFolder& folder : plugin_folders({}, {})) {
    EXPECT_NE(folder.path, fs::current_path());
    EXPECT_EQ(folder.origin, "installed");
  }
}

TEST(PluginFolders, AFolderNamedTwiceCountsOnce) {
  zoo::Folder a;
  EXPECT_EQ(plugin_folders({a.path(), a.path() / "."}, {a.path()}).size(), 2u);
}

TEST(PluginFolders, TheInstalledOneLiesBesideTheLibrary) {
  EXPECT_EQ(
      installed_plugin_folder(),
      fs::path(OCTET_BINARY_DIR) / "lib" / "octet" / "plugins");
}

} // namespace
} // namespace octet
