// plugin.toml: what is read, and every way in which it can be wrong.
#include "core/plugin/manifest.h"
#include "core/base/problems.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using zoo::message_of;

const char* const kPrecision = R"([plugin]
name = "eight"
kind = "precision"
version = "0.1.0"
summary = "FP8 training"
license = "Apache-2.0"
compute = "bf16"
)";

const char* const kFeature = R"([plugin]
name = "adapters"
kind = "feature"
version = "0.1.0"
summary = "Adapters"
license = "Apache-2.0"
)";

std::string problem(const std::string& text) {
  return message_of([&] { parse_manifest(text, "eight.so"); });
}

TEST(Manifest, ReadsEveryKeyOfAPrecisionPlugin) {
  const Manifest manifest = parse_manifest(
      std::string(kPrecision) + R"(provides = ["fp8"]
claims = ["gemm", "op:linear"]
reads = ["dense", "nf4"]
rank = 50
automatic = false
reference = true

[needs]
device = "cuda"
capability = ["8.9", ">=9.0"]

[[relation]]
with = "qat"
verdict = "warn"
reason = "two roundings"
when = 'recipe == "rowwise"'

[[relation]]
with = ["a", "b"]
verdict = "reject"
reason = "they fight"
way_out = "Drop one"

[options.recipe]
type = "string"
one_of = ["tensorwise", "rowwise"]
default = "rowwise"
help = "Scaling"
)",
      "eight.so");
  EXPECT_EQ(manifest.name, "eight");
  EXPECT_EQ(manifest.kind, PluginKind::precision);
  EXPECT_EQ(manifest.version, "0.1.0");
  EXPECT_EQ(manifest.summary, "FP8 training");
  EXPECT_EQ(manifest.license, "Apache-2.0");
  EXPECT_EQ(manifest.compute, "bf16");
  EXPECT_THAT(manifest.provides, ElementsAre("fp8"));
  EXPECT_THAT(manifest.claims, ElementsAre("gemm", "op:linear"));
  EXPECT_THAT(manifest.reads, ElementsAre("dense", "nf4"));
  EXPECT_EQ(manifest.rank, 50);
  EXPECT_FALSE(manifest.automatic);
  EXPECT_TRUE(manifest.reference);
  EXPECT_EQ(manifest.needs.device, "cuda");
  EXPECT_THAT(manifest.needs.capability, ElementsAre("8.9", ">=9.0"));
  ASSERT_EQ(manifest.relations.size(), 2u);
  EXPECT_THAT(manifest.relations[0].with, ElementsAre("qat"));
  EXPECT_EQ(manifest.relations[0].verdict, RelationVerdict::warn);
  EXPECT_EQ(manifest.relations[0].when, "recipe == \"rowwise\"");
  EXPECT_THAT(manifest.relations[1].with, ElementsAre("a", "b"));
  EXPECT_EQ(manifest.relations[1].way_out, "Drop one");
  const OptionSpec& recipe = manifest.options.at("recipe");
  EXPECT_EQ(recipe.type, OptionType::string);
  EXPECT_THAT(recipe.one_of, ElementsAre("tensorwise", "rowwise"));
  EXPECT_EQ(std::get<std::string>(recipe.default_value), "rowwise");
}

TEST(Manifest, ReadsTheKeysOfAFeature) {
  const Manifest manifest = parse_manifest(
      std::string(kFeature) +
          "claims = [\"adapter\"]\nfreezes_base = true\n"
          "adapter_format = \"LORA\"\nstores = [\"nf4\"]\n"
          "[[relation]]\nafter = \"quantize\"\n",
      "x");
  EXPECT_EQ(manifest.kind, PluginKind::feature);
  EXPECT_TRUE(manifest.freezes_base);
  EXPECT_EQ(manifest.adapter_format, "LORA");
  EXPECT_THAT(manifest.stores, ElementsAre("nf4"));
  ASSERT_EQ(manifest.relations.size(), 1u);
  EXPECT_THAT(manifest.relations[0].with, ElementsAre("quantize"));
  EXPECT_EQ(manifest.relations[0].after, "quantize");
}

TEST(Manifest, FillsInWhatIsLeftOut) {
  const Manifest precision = parse_manifest(kPrecision, "x");
  EXPECT_THAT(precision.claims, ElementsAre("gemm"));
  EXPECT_THAT(precision.reads, ElementsAre("dense"));
  EXPECT_TRUE(precision.automatic);
  EXPECT_FALSE(precision.reference);
  const Manifest feature = parse_manifest(kFeature, "x");
  EXPECT_THAT(feature.claims, IsEmpty());
  EXPECT_FALSE(feature.freezes_base);
}

class RequiredKey : public testing::TestWithParam<const char*> {};

TEST_P(RequiredKey, IsNamedWhenItIsMissing) {
  std::string text = kPrecision;
  const size_t start = text.find(std::string("\n") + GetParam() + " = ") + 1;
  text.erase(start, text.find('\n', start) - start + 1);
  EXPECT_THAT(
      problem(text),
      HasSubstr(
          std::string("expected the key plugin.") + GetParam() +
          ", found none; add it"));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    RequiredKey,
    testing::Values(
        "name",
        "kind",
        "version",
        "summary",
        "license",
        "compute"));

struct WrongLine {
  const char* base;
  const char* lines;
  const char* message;
};

class Wrong : public testing::TestWithParam<WrongLine> {};

TEST_P(Wrong, IsToldWithKeyAndLine) {
  EXPECT_THAT(
      problem(std::string(GetParam().base) + GetParam().lines),
      HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    PluginTable,
    Wrong,
    testing::Values(
        WrongLine{
            kPrecision,
            "ranck = 3\n",
            "plugin.ranck (line 8): unknown key; did you mean plugin.rank?"},
        WrongLine{
            kPrecision,
            "rank = \"high\"\n",
            "plugin.rank (line 8): expected an integer, found a string"},
        WrongLine{
            kPrecision,
            "rank = 5000\n",
            "plugin.rank (line 8): expected 0 to 1000, found 5000"},
        WrongLine{
            kPrecision,
            "automatic = 1\n",
            "plugin.automatic (line 8): expected a boolean, found an integer"},
        WrongLine{
            kPrecision,
            "provides = \"fp8\"\n",
            "plugin.provides (line 8): expected an array of strings, found a "
            "string"},
        WrongLine{
            kPrecision,
            "provides = [\"FP 8\"]\n",
            "plugin.provides (line 8): expected names of lower-case letters"},
        WrongLine{
            kPrecision,
            "provides = [8]\n",
            "plugin.provides (line 8): expected a string, found an integer"},
        WrongLine{
            kPrecision,
            "claims = [\"gem\"]\n",
            "found \"gem\"; did you mean gemm?"},
        WrongLine{
            kPrecision,
            "claims = [\"gemm\", \"gemm\"]\n",
            "plugin.claims (line 8): \"gemm\" stands there twice"},
        WrongLine{
            kPrecision,
            "claims = [\"weight\"]\n",
            "a precision plugin claims \"gemm\"; add it"},
        WrongLine{
            kPrecision,
            "claims = [\"gemm\", \"step_end\"]\n",
            "a feature registers hooks such as step_end; a precision plugin "
            "has "
            "end_step()"},
        WrongLine{
            kPrecision,
            "freezes_base = true\n",
            "plugin.freezes_base (line 8): belongs to kind feature"},
        WrongLine{
            kFeature,
            "rank = 3\n",
            "plugin.rank (line 7): belongs to kind precision"},
        WrongLine{
            "[plugin]\nname = \"Up\"\n",
            "",
            "plugin.name (line 2): expected at most 64 lower-case letters"},
        WrongLine{
            "[plugin]\nname = \"auto\"\n",
            "",
            "\"auto\" is a choice of run.toml"},
        WrongLine{
            "[plugin]\nkind = \"quantizer\"\n",
            "",
            "plugin.kind (line 2): expected one of precision and feature, "
            "found \"quantizer\""},
        WrongLine{
            "[plugin]\nversion = \"one\"\n",
            "",
            "plugin.version (line 2): expected a version such as 1.2.3"},
        WrongLine{
            "[plugin]\nsummary = \"\"\n",
            "",
            "plugin.summary (line 2): expected a text, found an empty one"},
        WrongLine{
            "[plugin]\nsummary = \"red \\u001b[31m\"\n",
            "",
            "plugin.summary (line 2): expected one line of text, found control "
            "characters"},
        WrongLine{
            "[plugin]\nsummary = \"\\u009b31m\"\n",
            "",
            "found control characters"},
        WrongLine{"plugin = 3\n", "", "plugin (line 1): expected a table"},
        WrongLine{"", "", "expected the key plugin, found none"},
        WrongLine{
            kFeature,
            "[pluggin]\n",
            "pluggin (line 7): unknown key; did you mean plugin?"}));

INSTANTIATE_TEST_SUITE_P(
    Needs,
    Wrong,
    testing::Values(
        WrongLine{
            kPrecision,
            "[needs]\ndevice = \"tpu\"\n",
            "needs.device (line 9): expected \"cuda\""},
        WrongLine{
            kPrecision,
            "[needs]\ndevice = \"cuda\"\ncapability = [\"nine\"]\n",
            "needs.capability (line 10): expected compute capabilities"},
        WrongLine{
            kPrecision,
            "[needs]\ncapability = [\"8.9\"]\n",
            "needs.capability (line 9): needs device = \"cuda\" beside it"},
        WrongLine{
            kPrecision,
            "[needs]\ndevise = \"cuda\"\n",
            "did you mean needs.device?"}));

INSTANTIATE_TEST_SUITE_P(
    Relations,
    Wrong,
    testing::Values(
        WrongLine{
            kFeature,
            "[relation]\nwith = \"a\"\n",
            "relation (line 7): expected [[relation]] tables"},
        WrongLine{
            kFeature,
            "[[relation]]\nverdict = \"ok\"\n",
            "expected the key relation[0].with, found none"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = []\n",
            "relation[0].with (line 8): expected at least one name"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"a\"\nverdict = \"never\"\n",
            "relation[0].verdict (line 9): expected one of ok, warn and "
            "reject"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"a\"\nverdict = \"warn\"\n",
            "expected the key relation[0].reason"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"a\"\nverdict = \"reject\"\nreason = "
            "\"x\"\n",
            "expected the key relation[0].way_out"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"adapters\"\n",
            "\"adapters\" is this plugin itself; name its partner"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"a\"\n[[relation]]\nwth = \"b\"\n",
            "relation[1].wth (line 10): unknown key; did you mean "
            "relation[1].with?"},
        WrongLine{
            kFeature,
            "[[relation]]\nwith = \"a\"\nwhen = 'recipe == \"x\"'\n",
            "relation[0].when (line 9): expected one of stage in a condition, "
            "found recipe"}));

INSTANTIATE_TEST_SUITE_P(
    Options,
    Wrong,
    testing::Values(
        WrongLine{kFeature, "options = 3\n", "options (line 7): unknown key"},
        WrongLine{
            kFeature,
            "[options]\nrank = 3\n",
            "options.rank (line 8): expected a table, found an integer"},
        WrongLine{
            kFeature,
            "[options.Rank]\ntype = \"integer\"\ndefault = 1\nhelp = \"h\"\n",
            "options.Rank (line 7): expected lower-case letters"},
        WrongLine{
            kFeature,
            "[options.rank]\ndefault = 1\nhelp = \"h\"\n",
            "expected the key options.rank.type, found none"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"int\"\ndefault = 1\nhelp = \"h\"\n",
            "options.rank.type (line 8): expected one of boolean, integer, "
            "real, string and strings, found \"int\""},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"integer\"\nhelp = \"h\"\n",
            "expected the key options.rank.default, found none"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"integer\"\ndefault = 1\n",
            "expected the key options.rank.help, found none"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"integer\"\ndefault = 1.5\nhelp = \"h\"\n",
            "options.rank.default (line 9): expected an integer, found a real "
            "number"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"integer\"\ndefault = 0\nminimum = 1\n"
            "help = \"h\"\n",
            "options.rank.default (line 9): expected a value between minimum "
            "and maximum, found 0"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"real\"\ndefault = 2\nmaximum = 1.5\n"
            "help = \"h\"\n",
            "found 2.0"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"real\"\ndefault = 2\nminimum = 3\n"
            "maximum = 1\nhelp = \"h\"\n",
            "options.rank.minimum (line 10): is larger than maximum"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"real\"\ndefault = nan\nminimum = 1\n"
            "maximum = 3\nhelp = \"h\"\n",
            "options.rank.default (line 9): expected a finite number"},
        WrongLine{
            kFeature,
            "[options.rank]\ntype = \"real\"\ndefault = 2\nminimum = -inf\n"
            "help = \"h\"\n",
            "options.rank.minimum (line 10): expected a finite number"},
        WrongLine{
            kFeature,
            "[options.mode]\ntype = \"string\"\none_of = [\"a\", \"b\"]\n"
            "default = \"c\"\nhelp = \"h\"\n",
            "options.mode.default (line 10): expected one of a and b, found "
            "\"c\""},
        WrongLine{
            kFeature,
            "[options.mode]\ntype = \"string\"\nminimum = 1\ndefault = \"c\"\n"
            "help = \"h\"\n",
            "options.mode.minimum (line 9): belongs to an option that is a "
            "number"},
        WrongLine{
            kFeature,
            "[options.on]\ntype = \"boolean\"\none_of = [\"a\"]\n"
            "default = true\nhelp = \"h\"\n",
            "options.on.one_of (line 9): belongs to an option that is a "
            "string"},
        WrongLine{
            kFeature,
            "[options.all]\ntype = \"strings\"\ndefault = \"a\"\nhelp = "
            "\"h\"\n",
            "options.all.default (line 9): expected an array of strings"}));

TEST(Manifest, TextThatIsNoTomlGivesTheLine) {
  EXPECT_THAT(
      problem("[plugin]\nname = \n"),
      AllOf(HasSubstr("eight.so: expected TOML, line 2")));
}

TEST(Manifest, AllProblemsAreToldAtOnce) {
  EXPECT_THAT(
      problem("[plugin]\nname = 3\nkind = \"x\"\nfoo = 1\n[bar]\n"),
      AllOf(
          HasSubstr("eight.so has a wrong manifest:\n  - "),
          HasSubstr("plugin.name (line 2): expected a string"),
          HasSubstr("plugin.kind (line 3): expected one of"),
          HasSubstr("plugin.version, found none"),
          HasSubstr("plugin.foo (line 4): unknown key"),
          HasSubstr("bar (line 5): unknown key")));
}

TEST(Manifest, AWrongKindAloneDoesNotBlameTheKindsKeys) {
  EXPECT_EQ(
      problem(
          "[plugin]\nname = \"a\"\nkind = \"x\"\nversion = \"0.1.0\"\n"
          "summary = \"s\"\nlicense = \"l\"\ncompute = \"bf16\"\nrank = 3\n"),
      "[manifest] plugin.kind (line 3): expected one of precision and feature, "
      "found \"x\"");
}

} // namespace
} // namespace octet
