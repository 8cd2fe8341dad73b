// Relations between plugins, storages, and the order of application.
#include "core/base/problems.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using world::backends;
using world::feature_names;
using world::feature_toml;
using world::precision_toml;
using world::relation_toml;
using world::World;

TEST(Relations, RejectStopsWithReasonAndWayOut) {
  World world = backends();
  world.add(feature_toml("a", "provides = [\"qat\"]\n"));
  world.add(feature_toml("b", relation_toml("\"qat\"", "reject")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_EQ(
      world.problem(),
      "[resolve] features.a (qat) with features.b: they fight. Drop one.");
}

TEST(Relations, WarnIsANote) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b", relation_toml("\"a\"", "warn")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_THAT(
      world.select().notes,
      ElementsAre("features.a with features.b: they fight. Drop one."));
}

TEST(Relations, DoNotApplyToPluginsThatAreNotSelected) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b", relation_toml("\"a\"", "reject")));
  world.use_feature("b");
  EXPECT_NO_THROW(world.select());
}

struct Pair {
  const char* first;
  const char* second;
  /// What select does: "ok", "warn" or "reject".
  const char* outcome;
};

class Strictest : public testing::TestWithParam<Pair> {};

TEST_P(Strictest, VerdictOfTheTwoSidesWins) {
  World world = backends();
  world.add(feature_toml("a", relation_toml("\"b\"", GetParam().first)));
  world.add(feature_toml("b", relation_toml("\"a\"", GetParam().second)));
  world.use_feature("a");
  world.use_feature("b");
  std::string outcome = "ok";
  try {
    const Selection selection = world.select();
    EXPECT_LE(selection.notes.size(), 1u);
    outcome = selection.notes.empty() ? "ok" : "warn";
  } catch (const Failure&) {
    outcome = "reject";
  }
  EXPECT_EQ(outcome, GetParam().outcome);
}

INSTANTIATE_TEST_SUITE_P(
    AllPairs,
    Strictest,
    testing::Values(
        Pair{"ok", "ok", "ok"},
        Pair{"ok", "warn", "warn"},
        Pair{"warn", "ok", "warn"},
        Pair{"warn", "warn", "warn"},
        Pair{"ok", "reject", "reject"},
        Pair{"reject", "ok", "reject"},
        Pair{"warn", "reject", "reject"},
        Pair{"reject", "warn", "reject"},
        Pair{"reject", "reject", "reject"}));

TEST(Relations, TwoConflictsAreBothTold) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b", relation_toml("\"a\"", "reject")));
  world.add(feature_toml("c", relation_toml("\"a\"", "reject")));
  for (const char* name : {"a", "b", "c"}) {
    world.use_feature(name);
  }
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("features.a with features.b: they fight"),
          HasSubstr("features.a with features.c: they fight")));
}

TEST(Relations, WithSeveralPartnersOneAppliesOnlyWhenAllAreThere) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b"));
  world.add(feature_toml("c", relation_toml("[\"a\", \"b\"]", "reject")));
  world.use_feature("a");
  world.use_feature("c");
  EXPECT_NO_THROW(world.select());
  world.use_feature("b");
  EXPECT_THAT(
      world.problem(),
      HasSubstr("features.a with features.b and features.c: they fight"));
}

TEST(Relations, ConcernTheBackendToo) {
  World world = backends();
  world.host.cuda_device_count = 1;
  world.host.cuda_capability = 90;
  world.config.precision.backend = "eight";
  world.add(feature_toml("a", relation_toml("\"fp8\"", "reject")));
  world.use_feature("a");
  EXPECT_EQ(
      world.problem(),
      "[resolve] features.a with precision.backend = \"eight\" (fp8): they "
      "fight. Drop one.");
}

TEST(Relations, AConditionOnAnOptionDecides) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml(
      "b",
      relation_toml("\"a\"", "reject", "when = 'mode == \"hard\"'\n") +
          "[options.mode]\ntype = \"string\"\none_of = [\"soft\", \"hard\"]\n"
          "default = \"soft\"\nhelp = \"how\"\n"));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_NO_THROW(world.select());
  world.set_option(world.config.features["b"], "mode", std::string("hard"));
  EXPECT_THAT(world.problem(), HasSubstr("they fight"));
}

TEST(Relations, AConditionOnTheStageDecides) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml(
      "b", relation_toml("\"a\"", "reject", "when = 'stage == \"pt\"'\n")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_NO_THROW(world.select());
  world.config.train.stage = "pt";
  EXPECT_THAT(world.problem(), HasSubstr("they fight"));
}

TEST(Storage, ThatTheBackendDoesNotReadConflictsByItself) {
  World world = backends();
  world.config.precision.backend = "plain";
  world.add(feature_toml("four", "stores = [\"nf4\"]\n"));
  world.use_feature("four");
  EXPECT_EQ(
      world.problem(),
      "[resolve] features.four stores nf4 weights, which precision.backend = "
      "\"plain\" does not read (it reads dense); remove [features.four], or "
      "choose another precision.backend");
}

TEST(Storage, UnderAutoABackendThatReadsItIsTaken) {
  World world = backends();
  world.add(precision_toml("reader", 1, "reads = [\"dense\", \"nf4\"]\n"));
  world.add(feature_toml("four", "stores = [\"nf4\"]\n"));
  world.use_feature("four");
  EXPECT_EQ(world.select().precision.entry->manifest.name, "reader");
}

TEST(Order, IsByNameUnlessSomebodyMustComeAfter) {
  World world = backends();
  world.add(
      feature_toml("a", "[[relation]]\nwith = \"late\"\nafter = \"late\"\n"));
  world.add(feature_toml("b"));
  world.add(feature_toml("c", "provides = [\"late\"]\n"));
  for (const char* name : {"a", "b", "c"}) {
    world.use_feature(name);
  }
  EXPECT_THAT(feature_names(world.select()), ElementsAre("b", "c", "a"));
}

TEST(Order, ACircleIsNamed) {
  World world = backends();
  world.add(feature_toml("a", "[[relation]]\nafter = \"b\"\n"));
  world.add(feature_toml("b", "[[relation]]\nafter = \"c\"\n"));
  world.add(feature_toml("c", "[[relation]]\nafter = \"a\"\n"));
  for (const char* name : {"a", "b", "c"}) {
    world.use_feature(name);
  }
  EXPECT_THAT(
      world.problem(),
      HasSubstr("features a, b and c each must be applied after another"));
}

TEST(Order, WhoOnlyWaitsForACircleIsNotNamed) {
  World world = backends();
  world.add(feature_toml("a", "[[relation]]\nafter = \"b\"\n"));
  world.add(feature_toml("b", "[[relation]]\nafter = \"a\"\n"));
  world.add(feature_toml("waits", "[[relation]]\nafter = \"a\"\n"));
  for (const char* name : {"a", "b", "waits"}) {
    world.use_feature(name);
  }
  EXPECT_THAT(
      world.problem(),
      HasSubstr("features a and b each must be applied after another"));
}

TEST(Order, EveryCircleIsTold) {
  World world = backends();
  for (const auto& [name, after] : std::map<std::string, std::string>{
           {"a", "b"}, {"b", "a"}, {"c", "d"}, {"d", "c"}}) {
    world.add(feature_toml(name, "[[relation]]\nafter = \"" + after + "\"\n"));
    world.use_feature(name);
  }
  // Between the two, but in none.
  world.add(feature_toml(
      "m", "[[relation]]\nafter = \"b\"\n[[relation]]\nwith = \"c\"\n"));
  world.add(feature_toml("n", "[[relation]]\nafter = \"m\"\n"));
  world.use_feature("m");
  world.use_feature("n");
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("  - features a and b each must"),
          HasSubstr("  - features c and d each must"),
          Not(HasSubstr("and m"))));
}

// A backend beside which there is no order is none for this run.
TEST(Order, UnderAutoACircleBesideACandidateRulesItOut) {
  World world = backends();
  world.add(precision_toml("fast", 95));
  world.add(feature_toml(
      "a", "[[relation]]\nwith = [\"fast\", \"b\"]\nafter = \"b\"\n"));
  world.add(feature_toml("b", "[[relation]]\nafter = \"a\"\n"));
  world.use_feature("a");
  world.use_feature("b");
  world.config.precision.backend = "auto";
  const Selection selection = world.select();
  EXPECT_EQ(selection.precision.entry->manifest.name, "plain");
  EXPECT_EQ(selection.candidates.front().verdict, "not usable");
  EXPECT_EQ(
      selection.candidates.front().reason,
      "features a and b each must be applied after another of them beside "
      "precision.backend = \"fast\"; remove one");
}

// Both ask to be applied after the other, but only beside one backend.
TEST(Order, MayDependOnTheBackend) {
  for (const char* asked : {"plain", "auto"}) {
    World world = backends();
    world.add(feature_toml(
        "a", "[[relation]]\nwith = [\"plain\", \"b\"]\nafter = \"b\"\n"));
    world.add(feature_toml("b"));
    world.use_feature("a");
    world.use_feature("b");
    world.config.precision.backend = "exact";
    EXPECT_THAT(feature_names(world.select()), ElementsAre("a", "b"));
    world.config.precision.backend = asked;
    EXPECT_THAT(feature_names(world.select()), ElementsAre("b", "a")) << asked;
  }
}

TEST(Order, DoesNotDependOnTheOrderOfTheCatalog) {
  World world = backends();
  world.add(feature_toml("a", "[[relation]]\nafter = \"d\"\n"));
  world.add(feature_toml("b", relation_toml("\"c\"", "warn")));
  world.add(feature_toml("c", "[[relation]]\nafter = \"a\"\n"));
  world.add(feature_toml("d"));
  for (const char* name : {"a", "b", "c", "d"}) {
    world.use_feature(name);
  }
  const Selection expected = world.select();
  EXPECT_THAT(feature_names(expected), ElementsAre("b", "d", "a", "c"));
  const std::vector<std::string> notes = expected.notes;
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::shuffle(
        world.catalog.entries.begin(), world.catalog.entries.end(), random);
    const Selection selection = world.select();
    ASSERT_THAT(feature_names(selection), ElementsAre("b", "d", "a", "c"));
    ASSERT_EQ(selection.notes, notes);
  }
}

} // namespace
} // namespace octet
