// Which backend runs: an explicit name never falls back, `auto` is a total
// order with a table.
#include "core/base/problems.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace octet {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using world::backends;
using world::precision_toml;
using world::World;

std::vector<std::string> rows(const Selection& selection) {
  std::vector<std::string> rows;
  for (const Candidate& row : selection.candidates) {
    rows.push_back(row.name + " | " + row.verdict + " | " + row.reason);
  }
  return rows;
}

const std::string& chosen(const Selection& selection) {
  return selection.precision.entry->manifest.name;
}

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

TEST(SelectAuto, TakesTheUsableCandidateOfTheHighestRank) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = 89;
  const Selection selection = world.select();
  EXPECT_EQ(chosen(selection), "eight");
  EXPECT_EQ(selection.precision.why, "auto");
  EXPECT_THAT(
      rows(selection),
      ElementsAre(
          "exact | not asked | chosen by name only",
          "eight | chosen | the first usable one",
          "plain | not asked | ranks after eight"));
}

TEST(SelectAuto, SaysWhyTheBetterOnesAreOut) {
  World world = backends();
  world.probes["plain"] = {true, "AVX2 only"};
  EXPECT_THAT(
      rows(world.select()),
      ElementsAre(
          "exact | not asked | chosen by name only",
          "eight | not usable | needs a CUDA device; this machine has none",
          "plain | chosen | AVX2 only"));
  EXPECT_THAT(world.probed, ElementsAre("plain"));
}

TEST(SelectAuto, EmulationIsNeverChosenUnasked) {
  World world = backends();
  world.set_option(world.config.precision.tables["eight"], "emulate", true);
  EXPECT_EQ(chosen(world.select()), "plain");
}

TEST(SelectAuto, GoesOnWhenAProbeSaysNoOrThrows) {
  World world = backends();
  world.add(precision_toml("fast", 80));
  world.add(precision_toml("faster", 81));
  world.probes["fast"] = {false, "no engine"};
  world.broken_probes["faster"] = "probe failed: no wheels";
  const Selection selection = world.select();
  EXPECT_EQ(chosen(selection), "plain");
  EXPECT_THAT(
      rows(selection),
      AllOf(
          Contains("fast | not usable | no engine"),
          Contains("faster | not usable | probe failed: no wheels")));
}

TEST(SelectAuto, BreaksEqualRanksByName) {
  World world;
  world.add(precision_toml("b", 10));
  world.add(precision_toml("a", 10));
  EXPECT_EQ(chosen(world.select()), "a");
}

TEST(SelectAuto, ListsARejectedBackend) {
  World world = backends();
  world.add_rejected(precision_toml("old", 70), "built for SDK ABI 0\nmore");
  EXPECT_THAT(
      rows(world.select()), Contains("old | not usable | built for SDK ABI 0"));
}

TEST(SelectAuto, ListsABackendWhoseFileCannotBeRead) {
  World world = backends();
  CatalogEntry damaged;
  damaged.manifest.name = "te";
  damaged.manifest_read = false;
  damaged.status = PluginStatus::rejected;
  damaged.reason = "truncated";
  world.catalog.entries.insert(world.catalog.entries.begin(), damaged);
  EXPECT_THAT(rows(world.select()), Not(Contains(HasSubstr("te |"))));
  world.catalog.known = {{"te", PluginKind::precision, "", ""}};
  EXPECT_THAT(rows(world.select()), Contains("te | not usable | truncated"));
  // Its table is noted, as that of any other candidate.
  world.set_option(world.config.precision.tables["te"], "margin", int64_t{1});
  const Selection selection = world.select();
  EXPECT_THAT(rows(selection), Contains("te | not usable | truncated"));
  EXPECT_THAT(
      selection.notes,
      Contains(HasSubstr("[precision.te] (run.toml:20) is not used: te is not "
                         "usable, truncated")));
}

// It says nothing about the candidate; another must not run for it.
TEST(SelectAuto, AFaultOfTheProgramIsNoVerdict) {
  World world = backends();
  const auto no_processes = [](const CatalogEntry&,
                               const OptionTable&) -> ProbeVerdict {
    throw Failure(ExitCode::failed, "plugins", "cannot start a process");
  };
  try {
    select_plugins(world.config, world.catalog, world.host, no_processes);
    ADD_FAILURE() << "expected the fault itself";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::failed);
    EXPECT_EQ(failure.message(), "cannot start a process");
  }
}

TEST(SelectAuto, WithoutAnyUsableBackendListsTheReasons) {
  World world = backends();
  world.probes["plain"] = {false, "no memory"};
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("no precision plugin can be chosen"),
          HasSubstr("plain: no memory"),
          HasSubstr("exact: chosen by name only")));
}

// Without a candidate that is worth a probe, that is told beside the rest.
TEST(SelectAuto, WithoutACandidateSaysSoBesideOtherConflicts) {
  World world;
  world.add(precision_toml("eight", 50, "[needs]\ndevice = \"cuda\"\n"));
  world.use_feature("nothing");
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("there is no feature plugin nothing"),
          HasSubstr("no precision plugin can be chosen:\n      eight: needs a "
                    "CUDA device; this machine has none")));
}

TEST(SelectAuto, ProbesNothingBesideAConflictOfFeatures) {
  World world = backends();
  world.use_feature("nothing");
  EXPECT_THAT(world.problem(), HasSubstr("there is no feature plugin nothing"));
  EXPECT_THAT(world.probed, IsEmpty());
}

TEST(SelectAuto, LeavesOutABackendThatAnAskedFeatureRejects) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = 90;
  world.add(world::feature_toml(
      "packed",
      "[[relation]]\nwith = \"fp8\"\nverdict = \"reject\"\n"
      "reason = \"FP8 GEMMs read 16-bit weights\"\nway_out = \"Remove it\"\n"));
  world.use_feature("packed");
  const Selection selection = world.select();
  EXPECT_EQ(chosen(selection), "plain");
  EXPECT_THAT(
      rows(selection),
      Contains("eight | not usable | precision.backend = \"eight\" (fp8) with "
               "features.packed: FP8 GEMMs read 16-bit weights. Remove it."));
}

TEST(SelectAuto, NeverLoadsACandidateWhoseOptionsAreWrong) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = 90;
  world.set_option(
      world.config.precision.tables["eight"], "recipe", std::string("odd"));
  EXPECT_THAT(world.problem(), HasSubstr("precision.eight.recipe"));
  EXPECT_EQ(std::count(world.probed.begin(), world.probed.end(), "eight"), 0);
}

TEST(SelectAuto, DoesNotDependOnTheOrderOfTheCatalog) {
  World world = backends();
  for (const char* name : {"c", "a", "d", "b"}) {
    world.add(precision_toml(name, 30));
  }
  world.probes["a"] = {false, "broken"};
  const std::vector<std::string> expected = rows(world.select());
  std::mt19937 random(7);
  for (int round = 0; round < 1000; ++round) {
    std::shuffle(
        world.catalog.entries.begin(), world.catalog.entries.end(), random);
    const Selection selection = world.select();
    ASSERT_EQ(rows(selection), expected);
    ASSERT_EQ(chosen(selection), "b");
  }
}

} // namespace
} // namespace octet
