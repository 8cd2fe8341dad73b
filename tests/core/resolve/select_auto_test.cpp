// precision.backend = "auto": a total order with a table.
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
using world::chosen;
using world::precision_toml;
using world::rows;
using world::World;

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

TEST(SelectAuto, ChecksTheOptionsOfARejectedBackend) {
  World world = backends();
  world.add_rejected(precision_toml("old", 70), "built for SDK ABI 0");
  world.set_option(world.config.precision.tables["old"], "speed", int64_t{1});
  EXPECT_THAT(world.problem(), HasSubstr("unknown option precision.old.speed"));
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
