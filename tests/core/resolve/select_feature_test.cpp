// Features, relations between plugins, and the order of application.
#include "core/base/problems.h"
#include "core/resolve/relations.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <random>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using world::backends;
using world::feature_toml;
using world::precision_toml;
using world::World;

std::string relation(
    const std::string& with,
    const std::string& verdict,
    const std::string& more = "") {
  return "[[relation]]\nwith = " + with + "\nverdict = \"" + verdict +
      "\"\nreason = \"they fight\"\nway_out = \"Drop one\"\n" + more;
}

std::vector<std::string> names(const Selection& selection) {
  std::vector<std::string> names;
  for (const SelectedPlugin& feature : selection.features) {
    names.push_back(feature.entry->manifest.name);
  }
  return names;
}

TEST(SelectFeature, IsOnWhenItsTableIsThere) {
  World world = backends();
  world.add(feature_toml("adapters"));
  world.add(feature_toml("other"));
  world.use_feature("adapters");
  EXPECT_THAT(names(world.select()), ElementsAre("adapters"));
}

TEST(SelectFeature, UnknownTableNamesTheNearest) {
  World world = backends();
  world.add(feature_toml("adapters"));
  world.use_feature("adaptres", 30);
  EXPECT_EQ(
      world.problem(),
      "[resolve] [features.adaptres] (run.toml:30): there is no feature plugin "
      "adaptres; did you mean adapters? Installed: adapters");
}

TEST(SelectFeature, ABackendIsNoFeature) {
  World world = backends();
  world.use_feature("plain");
  EXPECT_THAT(
      world.problem(),
      HasSubstr("plain is a precision plugin; choose it with "
                "precision.backend = \"plain\""));
}

TEST(SelectFeature, AFeatureWhoseProbeSaysNoIsAnError) {
  World world = backends();
  world.add(feature_toml("adapters"));
  world.use_feature("adapters");
  world.probes["adapters"] = {false, "no glue"};
  EXPECT_THAT(
      world.problem(), HasSubstr("not usable on this machine: no glue"));
}

TEST(SelectFeature, AFeatureWithoutItsDeviceCanOnlyBeRemoved) {
  World world = backends();
  world.add(feature_toml("fast", "[needs]\ndevice = \"cuda\"\n"));
  world.use_feature("fast");
  EXPECT_THAT(
      world.problem(),
      HasSubstr("needs a CUDA device; this machine has none; remove "
                "[features.fast]"));
}

TEST(SelectFeature, AllProblemsOfARunAreToldAtOnce) {
  World world = backends();
  world.config.precision.backend = "eight";
  world.use_feature("nothing");
  world.add(feature_toml(
      "adapters",
      "[options.rank]\ntype = \"integer\"\ndefault = 8\nminimum = 1\n"
      "help = \"size\"\n"));
  world.set_option(world.config.features["adapters"], "rank", int64_t{0});
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("[resolve] cannot run as asked:\n  - "),
          HasSubstr("features.adapters.rank (run.toml:21): expected at least "
                    "1, found 0"),
          HasSubstr("there is no feature plugin nothing"),
          HasSubstr("needs a CUDA device")));
}

TEST(SelectFeature, AKnownPluginThatIsNotHereIsNamedWithHowToGetIt) {
  World world = backends();
  world.catalog.known = {
      {"far", PluginKind::feature, "", "plugins/far"},
      {"nine", PluginKind::precision, "", "plugins/nine"}};
  world.use_feature("far", 30);
  world.config.precision.backend = "nine";
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("[features.far] (run.toml:30): plugin far is not installed "
                    "here; it belongs to Octet and is built from plugins/far"),
          HasSubstr("precision.backend = \"nine\" (run.toml:9): plugin nine is "
                    "not installed here")));
}

TEST(SelectFeature, ShardingIsKnownAndSaidNotToExistYet) {
  World world = backends();
  world.add(feature_toml("a", relation("\"fsdp\"", "reject")));
  world.use_feature("fsdp", 30);
  world.use_feature("a");
  // Its conflicts with others are told beside that.
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("[features.fsdp] (run.toml:30): fsdp does not exist yet: "
                    "Octet trains in one process and cannot shard yet"),
          HasSubstr("features.a with features.fsdp (fsdp): they fight")));
}

TEST(SelectFeature, ConflictsOfPluginsThatHaveAProblemAreToldToo) {
  World world = backends();
  world.config.precision.backend = "eight";
  world.add(feature_toml("a", relation("\"fp8\"", "reject")));
  world.add(feature_toml("b", relation("\"a\"", "reject")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_THAT(
      world.problem(),
      AllOf(
          HasSubstr("needs a CUDA device"),
          HasSubstr("precision.backend = \"eight\" (fp8): they fight"),
          HasSubstr("features.a with features.b: they fight")));
}

// Everything that manifests can say comes before any code of a plugin runs,
// and the probes' reasons come together.
TEST(SelectFeature, NothingIsProbedBesideAConflictOfManifests) {
  World world = backends();
  world.config.precision.backend = "exact";
  world.add(feature_toml("a", relation("\"b\"", "reject")));
  world.add(feature_toml("b"));
  world.use_feature("a");
  world.use_feature("b");
  world.probes["a"] = {false, "no glue"};
  world.probes["exact"] = {false, "no sun"};
  EXPECT_EQ(
      world.problem(),
      "[resolve] features.a with features.b: they fight. Drop one.");
  EXPECT_THAT(world.probed, IsEmpty());
  world.config.features.erase("b");
  EXPECT_EQ(
      world.problem(),
      "[resolve] cannot run as asked:\n"
      "  - [features.a] (run.toml:20): not usable on this machine: no glue\n"
      "  - precision.backend = \"exact\" (run.toml:9): not usable on this "
      "machine: no sun");
}

// One conflict of each kind that manifests can have.
TEST(SelectFeature, ConflictsOfEveryKindAreToldTogether) {
  World world = backends();
  world.config.precision.backend = "exact";
  world.add(feature_toml(
      "a",
      "claims = [\"op:rope\", \"op:swiglu\"]\n" + relation("\"c\"", "reject")));
  world.add(feature_toml(
      "b", "claims = [\"op:rope\"]\n[[relation]]\nafter = \"d\"\n"));
  world.add(feature_toml("c", "claims = []\n"));
  world.add(feature_toml(
      "d",
      "claims = [\"op:rope\"]\nstores = [\"nf4\"]\n"
      "[[relation]]\nafter = \"b\"\n"));
  for (const char* name : {"a", "b", "c", "d", "nothing"}) {
    world.use_feature(name);
  }
  world.set_option(world.config.precision.tables["exact"], "speed", 3.0);
  EXPECT_EQ(
      world.problem(),
      "[resolve] cannot run as asked:\n"
      "  - [features.nothing] (run.toml:20): there is no feature plugin "
      "nothing; installed: a, b, c and d\n"
      "  - unknown option precision.exact.speed (run.toml:21) of plugin exact; "
      "it has no options\n"
      "  - features.d stores nf4 weights, which precision.backend = \"exact\" "
      "does not read (it reads dense); remove [features.d], or choose another "
      "precision.backend\n"
      "  - features.a with features.c: they fight. Drop one.\n"
      "  - a, b and d all replace op rope; keep one of them\n"
      "  - features.c claims nothing, so it would change nothing; its manifest "
      "must claim a slot, op:<name> or step_end\n"
      "  - features b and d each must be applied after another of them; remove "
      "one");
}

TEST(SelectFeature, TwoThatReplaceOneOpConflict) {
  World world = backends();
  world.add(feature_toml("a", "claims = [\"op:rope\", \"op:swiglu\"]\n"));
  world.add(feature_toml("b", "claims = [\"op:rope\"]\n"));
  world.use_feature("a");
  EXPECT_NO_THROW(world.select());
  world.use_feature("b");
  EXPECT_EQ(
      world.problem(),
      "[resolve] a and b both replace op rope; keep one of them");
}

TEST(Relations, RejectStopsWithReasonAndWayOut) {
  World world = backends();
  world.add(feature_toml("a", "provides = [\"qat\"]\n"));
  world.add(feature_toml("b", relation("\"qat\"", "reject")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_EQ(
      world.problem(),
      "[resolve] features.a (qat) with features.b: they fight. Drop one.");
}

TEST(Relations, WarnIsANote) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b", relation("\"a\"", "warn")));
  world.use_feature("a");
  world.use_feature("b");
  EXPECT_THAT(
      world.select().notes,
      ElementsAre("features.a with features.b: they fight. Drop one."));
}

TEST(Relations, DoNotApplyToPluginsThatAreNotSelected) {
  World world = backends();
  world.add(feature_toml("a"));
  world.add(feature_toml("b", relation("\"a\"", "reject")));
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
  world.add(feature_toml("a", relation("\"b\"", GetParam().first)));
  world.add(feature_toml("b", relation("\"a\"", GetParam().second)));
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
  world.add(feature_toml("b", relation("\"a\"", "reject")));
  world.add(feature_toml("c", relation("\"a\"", "reject")));
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
  world.add(feature_toml("c", relation("[\"a\", \"b\"]", "reject")));
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
  world.add(feature_toml("a", relation("\"fp8\"", "reject")));
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
      relation("\"a\"", "reject", "when = 'mode == \"hard\"'\n") +
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
      "b", relation("\"a\"", "reject", "when = 'stage == \"pt\"'\n")));
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
  EXPECT_THAT(names(world.select()), ElementsAre("b", "c", "a"));
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

TEST(Order, DoesNotDependOnTheOrderOfTheCatalog) {
  World world = backends();
  world.add(feature_toml("a", "[[relation]]\nafter = \"d\"\n"));
  world.add(feature_toml("b", relation("\"c\"", "warn")));
  world.add(feature_toml("c", "[[relation]]\nafter = \"a\"\n"));
  world.add(feature_toml("d"));
  for (const char* name : {"a", "b", "c", "d"}) {
    world.use_feature(name);
  }
  const Selection expected = world.select();
  EXPECT_THAT(names(expected), ElementsAre("b", "d", "a", "c"));
  const std::vector<std::string> notes = expected.notes;
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::shuffle(
        world.catalog.entries.begin(), world.catalog.entries.end(), random);
    const Selection selection = world.select();
    ASSERT_THAT(names(selection), ElementsAre("b", "d", "a", "c"));
    ASSERT_EQ(selection.notes, notes);
  }
}

} // namespace
} // namespace octet
