// Which backend runs where it is named (a name never falls back), and the
// tables of backends.
#include "core/base/problems.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using world::backends;
using world::chosen;
using world::precision_toml;
using world::rows;
using world::World;

TEST(SelectByName, TakesWhatIsNamed) {
  World world = backends();
  world.config.precision.backend = "exact";
  const Selection selection = world.select();
  EXPECT_EQ(chosen(selection), "exact");
  EXPECT_EQ(selection.precision.why, "asked");
}

TEST(SelectByName, ProbesOnlyTheNamedPlugin) {
  World world = backends();
  world.config.precision.backend = "plain";
  world.select();
  EXPECT_THAT(world.probed, ElementsAre("plain"));
}

TEST(SelectByName, NeverFallsBackWhenTheProbeSaysNo) {
  World world = backends();
  world.config.precision.backend = "exact";
  world.probes["exact"] = {false, "the sun is too low"};
  EXPECT_EQ(
      world.problem(),
      "[resolve] precision.backend = \"exact\" (run.toml:9): not usable on "
      "this machine: the sun is too low");
}

TEST(SelectByName, NeverFallsBackWhenTheProbeThrows) {
  World world = backends();
  world.config.precision.backend = "exact";
  world.broken_probes["exact"] = "probe failed: out of luck";
  EXPECT_THAT(world.problem(), HasSubstr("probe failed: out of luck"));
}

TEST(SelectByName, NeverFallsBackWhenTheDeviceIsMissing) {
  World world = backends();
  world.config.precision.backend = "eight";
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("needs a CUDA device; this machine has none"),
          HasSubstr("set precision.eight.emulate = true")));
  EXPECT_THAT(world.probed, IsEmpty());
}

TEST(SelectByName, UnknownNameIsToldTheNearestAndWhatIsInstalled) {
  World world = backends();
  world.config.precision.backend = "exat";
  EXPECT_EQ(
      world.problem(),
      "[resolve] precision.backend = \"exat\" (run.toml:9): there is no "
      "precision plugin exat; did you mean exact? Installed: eight, exact and "
      "plain");
}

TEST(SelectByName, UnknownNameWithoutAnyPluginSaysSo) {
  World world;
  world.config.precision.backend = "exact";
  EXPECT_THAT(world.problem(), HasSubstr("none is installed"));
}

TEST(SelectByName, APluginThatIsNotReadyGivesItsReasons) {
  World world = backends();
  world.config.precision.backend = "old";
  world.add_rejected(
      precision_toml("old", 70),
      "built for LibTorch 1.13.0, this trainer has 2.13.0\nbuild it again");
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("plugin old (/plugins/old.so) cannot be used: built for "
                    "LibTorch 1.13.0"),
          HasSubstr("2.13.0; build it again")));
  EXPECT_THAT(world.probed, IsEmpty());
}

// What was asked for is the first file of that name, and nothing else.
TEST(SelectByName, AUsableFileFurtherBackIsNotUsedInItsPlace) {
  World world = backends();
  world.config.precision.backend = "old";
  world.add_rejected(precision_toml("old", 70), "truncated");
  CatalogEntry& second = world.add(precision_toml("old", 70));
  second.path = "/installed/old.so";
  second.status = PluginStatus::shadowed;
  EXPECT_EQ(
      world.problem(),
      "[resolve] precision.backend = \"old\" (run.toml:9): plugin old "
      "(/plugins/old.so) cannot be used: truncated; /installed/old.so has the "
      "same name and is not used in its place: remove the first file, or "
      "choose the second with [plugins.pin]");
  EXPECT_THAT(world.probed, IsEmpty());
  // auto has a row for it, and goes on.
  world.config.precision.backend = "auto";
  EXPECT_THAT(rows(world.select()), Contains("old | not usable | truncated"));
}

TEST(SelectByName, AFeatureIsNoBackend) {
  World world = backends();
  world.add(world::feature_toml("adapters"));
  world.config.precision.backend = "adapters";
  EXPECT_THAT(
      world.problem(),
      HasSubstr("adapters is a feature plugin; turn it on with "
                "[features.adapters]"));
}

TEST(SelectByName, EmulationLiftsTheNeeds) {
  World world = backends();
  world.config.precision.backend = "eight";
  world.set_option(world.config.precision.tables["eight"], "emulate", true);
  EXPECT_EQ(chosen(world.select()), "eight");
}

TEST(SelectByName, FillsInDefaultsAndKeepsWhatWasGiven) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = 90;
  world.config.precision.backend = "eight";
  world.set_option(
      world.config.precision.tables["eight"],
      "recipe",
      std::string("tensorwise"));
  const Selection selection = world.select();
  const auto& values = selection.precision.options.values;
  EXPECT_EQ(std::get<std::string>(values.at("recipe").value), "tensorwise");
  EXPECT_EQ(values.at("recipe").place.text(), "run.toml:21");
  EXPECT_FALSE(std::get<bool>(values.at("emulate").value));
}

TEST(SelectByName, WrongOptionsStopBeforeTheProbe) {
  World world = backends();
  world.config.precision.backend = "exact";
  world.set_option(world.config.precision.tables["exact"], "speed", 3.0);
  EXPECT_THAT(
      world.problem(),
      HasSubstr("unknown option precision.exact.speed (run.toml:21) of plugin "
                "exact; it has no options"));
  EXPECT_THAT(world.probed, IsEmpty());
}

struct CapabilityCase {
  uint32_t capability;
  bool fits;
};

class Capability : public testing::TestWithParam<CapabilityCase> {};

TEST_P(Capability, IsComparedWithTheManifestsList) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = GetParam().capability;
  const bool fits = chosen(world.select()) == "eight";
  EXPECT_EQ(fits, GetParam().fits);
}

INSTANTIATE_TEST_SUITE_P(
    Known,
    Capability,
    testing::Values(
        CapabilityCase{80, false},
        CapabilityCase{88, false},
        CapabilityCase{89, true},
        CapabilityCase{90, true},
        CapabilityCase{100, true},
        CapabilityCase{120, true}));

TEST(SelectByName, NamesTheCapabilityThatIsThere) {
  World world = backends();
  world.host.cuda_device_count = 2;
  world.host.cuda_capability = 86;
  world.config.precision.backend = "eight";
  EXPECT_THAT(
      world.problem(),
      HasSubstr(
          "needs compute capability 8.9 or >=9.0; this run's GPU has 8.6"));
}

TEST(SelectTables, ATableOfABackendThatIsNotSelectedIsAnError) {
  World world = backends();
  world.config.precision.backend = "plain";
  world.config.precision.tables["eight"].place = {"run.toml", 12};
  EXPECT_EQ(
      world.problem(),
      "[resolve] [precision.eight] (run.toml:12): this backend is not "
      "selected; remove the table, or set precision.backend = \"eight\" "
      "instead of \"plain\"");
}

TEST(SelectTables, UnderAutoAnUnusedTableIsANoteWithItsReason) {
  World world = backends();
  world.config.precision.tables["eight"].place = {"run.toml", 12};
  EXPECT_THAT(
      world.select().notes,
      ElementsAre("[precision.eight] (run.toml:12) is not used: eight is not "
                  "usable, needs a CUDA device; this machine has none"));
}

TEST(SelectTables, UnderAutoTheOptionsOfAnUnusedTableAreStillChecked) {
  World world = backends();
  world.set_option(
      world.config.precision.tables["eight"],
      "recipe",
      std::string("tensorwize"));
  EXPECT_THAT(
      world.problem(),
      HasSubstr("precision.eight.recipe (run.toml:21): expected one of "
                "tensorwise and rowwise, found \"tensorwize\"; did you mean "
                "\"tensorwise\"?"));
}

TEST(SelectTables, ATableOfAnUnknownPluginNamesTheNearest) {
  World world = backends();
  world.config.precision.tables["eigth"].place = {"run.toml", 12};
  EXPECT_THAT(
      world.problem(),
      HasSubstr("[precision.eigth] (run.toml:12): there is no precision plugin "
                "eigth; did you mean eight?"));
}

} // namespace
} // namespace octet
