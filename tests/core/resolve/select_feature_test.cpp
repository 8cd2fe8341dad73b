// Features: which are on, and every conflict that is told at once.
#include "core/base/problems.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using world::backends;
using world::feature_names;
using world::feature_toml;
using world::relation_toml;
using world::World;

TEST(SelectFeature, IsOnWhenItsTableIsThere) {
  World world = backends();
  world.add(feature_toml("adapters"));
  world.add(feature_toml("other"));
  world.use_feature("adapters");
  EXPECT_THAT(feature_names(world.select()), ElementsAre("adapters"));
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
  world.add(feature_toml("a", relation_toml("\"fsdp\"", "reject")));
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
  world.add(feature_toml("a", relation_toml("\"fp8\"", "reject")));
  world.add(feature_toml("b", relation_toml("\"a\"", "reject")));
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
  world.add(feature_toml("a", relation_toml("\"b\"", "reject")));
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
      "claims = [\"op:rope\", \"op:swiglu\"]\n" +
          relation_toml("\"c\"", "reject")));
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

} // namespace
} // namespace octet
