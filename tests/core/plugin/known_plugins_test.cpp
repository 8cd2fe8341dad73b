// The list of Octet's own plugins: the one that the build made, and damaged
// ones.
#include "core/plugin/known_plugins.h"

#include "core/plugin/catalog.h"
#include "core/plugin/core_capabilities.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

namespace octet {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using zoo::message_of;

const fs::path kBuilt =
    fs::path(OCTET_BINARY_DIR) / "lib" / "octet" / "known_plugins.json";

// The manifests are parsed by this program, the list was made by CMake.
TEST(KnownPlugins, HoldEveryManifestOfThisRepository) {
  std::vector<KnownPlugin> known = read_known_plugins(kBuilt);
  size_t manifests = 0;
  const fs::path folder = fs::path(OCTET_SOURCE_DIR) / "plugins";
  if (!fs::exists(folder)) {
    EXPECT_TRUE(known.empty()); // core/ must stand without plugins/
    return;
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const fs::path file = entry.path() / "plugin.toml";
    if (!fs::exists(file)) {
      continue;
    }
    ++manifests;
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    const Manifest manifest = parse_manifest(text.str(), file);
    const auto found = std::find_if(
        known.begin(), known.end(), [&](const KnownPlugin& plugin) {
          return plugin.name == manifest.name;
        });
    ASSERT_NE(found, known.end()) << file;
    EXPECT_EQ(found->kind, manifest.kind) << file;
    EXPECT_EQ(found->summary, manifest.summary) << file;
    EXPECT_EQ(found->source, "plugins/" + entry.path().filename().string());
  }
  EXPECT_EQ(known.size(), manifests);
}

TEST(KnownPlugins, AreNoneWithoutTheFile) {
  EXPECT_TRUE(read_known_plugins("/none/known_plugins.json").empty());
}

TEST(KnownPlugins, ADamagedListIsAnError) {
  zoo::Folder folder;
  const fs::path file = folder.path() / "known_plugins.json";
  for (const char* text : {"", "{", "[1]", "[{\"name\": \"a\"}]", "[[]]"}) {
    zoo::write_bytes(file, text);
    EXPECT_THAT(
        message_of([&] { read_known_plugins(file); }),
        HasSubstr("expected Octet's list of its plugins"))
        << text;
  }
}

TEST(KnownPlugins, AreMissingOnlyWithoutAFileOfTheirName) {
  zoo::Folder folder;
  folder.add("good_feature");
  Catalog catalog = folder.catalog();
  catalog.known = {
      {"good-feature", PluginKind::feature, "", "plugins/good"},
      {"far", PluginKind::feature, "", "plugins/far"}};
  EXPECT_EQ(catalog.find_known("good-feature"), nullptr);
  ASSERT_NE(catalog.find_known("far"), nullptr);
  EXPECT_EQ(catalog.find_known("near"), nullptr);
}

TEST(CoreCapabilities, HaveManifestsLikePlugins) {
  for (const CoreCapability& capability : core_capabilities()) {
    const Manifest& manifest = capability.entry.manifest;
    EXPECT_EQ(manifest.kind, PluginKind::feature);
    EXPECT_EQ(capability.entry.status, PluginStatus::ready);
    EXPECT_EQ(find_core_capability(manifest.name), &capability);
  }
  EXPECT_EQ(find_core_capability("no-such-thing"), nullptr);
}

} // namespace
} // namespace octet
