// Options of run.toml against a manifest, and conditions on them.
#include "core/base/problems.h"
#include "core/plugin/condition.h"
#include "core/plugin/manifest.h"
#include "tests/core/plugin/zoo.h"

#include <gmock/gmock.h>

#include <limits>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Value = decltype(OptionValue::value);

const Manifest& manifest() {
  static const Manifest read = parse_manifest(
      R"([plugin]
name = "adapters"
kind = "feature"
version = "0.1.0"
summary = "Adapters"
license = "Apache-2.0"
[options.rank]
type = "integer"
default = 16
minimum = 1
maximum = 1024
help = "size"
[options.dropout]
type = "real"
default = 0.0
minimum = 0
maximum = 0.5
help = "part"
[options.target]
type = "strings"
default = ["all"]
one_of = ["all", "q_proj", "v_proj"]
help = "layers"
[options.mode]
type = "string"
default = "fast"
one_of = ["fast", "exact"]
help = "how"
[options.on]
type = "boolean"
default = true
help = "whether"
)",
      "test");
  return read;
}

struct Checked {
  OptionTable table;
  std::vector<std::string> problems;
};

Checked check(const std::map<std::string, Value>& values) {
  OptionTable given;
  for (const auto& [name, value] : values) {
    given.values[name] = {value, {"run.toml", 14}};
  }
  Problems problems;
  Checked checked;
  checked.table =
      check_options(manifest(), given, "features.adapters", problems);
  checked.problems = problems.items();
  return checked;
}

TEST(Options, DefaultsFillTheTable) {
  const Checked checked = check({});
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_EQ(checked.table.values.size(), 5u);
  EXPECT_EQ(std::get<int64_t>(checked.table.values.at("rank").value), 16);
  EXPECT_EQ(checked.table.values.at("rank").place.text(), "default");
}

TEST(Options, GivenValuesReplaceDefaults) {
  const Checked checked = check(
      {{"rank", int64_t{8}},
       {"target", std::vector<std::string>{"q_proj", "v_proj"}}});
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_EQ(std::get<int64_t>(checked.table.values.at("rank").value), 8);
  EXPECT_THAT(
      std::get<std::vector<std::string>>(
          checked.table.values.at("target").value),
      ElementsAre("q_proj", "v_proj"));
}

TEST(Options, AnIntegerIsTakenForAReal) {
  const Checked checked = check({{"dropout", int64_t{0}}});
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_EQ(std::get<double>(checked.table.values.at("dropout").value), 0.0);
}

TEST(Options, OneStringIsTakenForAListOfOne) {
  const Checked checked = check({{"target", std::string("q_proj")}});
  EXPECT_THAT(checked.problems, IsEmpty());
  EXPECT_THAT(
      std::get<std::vector<std::string>>(
          checked.table.values.at("target").value),
      ElementsAre("q_proj"));
}

struct WrongOption {
  const char* name;
  Value value;
  const char* message;
};

class OptionsWrong : public testing::TestWithParam<WrongOption> {};

TEST_P(OptionsWrong, IsToldWithPlaceAndWayOut) {
  EXPECT_THAT(
      check({{GetParam().name, GetParam().value}}).problems,
      ElementsAre(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    OptionsWrong,
    testing::Values(
        WrongOption{
            "rnak",
            int64_t{8},
            "unknown option features.adapters.rnak (run.toml:14) of plugin "
            "adapters; did you mean features.adapters.rank?"},
        WrongOption{
            "temperature",
            1.0,
            "unknown option features.adapters.temperature (run.toml:14) of "
            "plugin adapters; it has dropout, mode, on, rank and target"},
        WrongOption{
            "rank",
            8.0,
            "features.adapters.rank (run.toml:14): expected a value of type "
            "integer, found 8.0"},
        WrongOption{
            "rank",
            std::string("8"),
            "features.adapters.rank (run.toml:14): expected a value of type "
            "integer, found \"8\""},
        WrongOption{
            "rank",
            int64_t{0},
            "features.adapters.rank (run.toml:14): expected 1 to 1024, found "
            "0"},
        WrongOption{
            "dropout",
            0.75,
            "features.adapters.dropout (run.toml:14): expected 0.0 to 0.5, "
            "found 0.75"},
        WrongOption{
            "dropout",
            std::numeric_limits<double>::quiet_NaN(),
            "features.adapters.dropout (run.toml:14): expected a finite "
            "number, found nan"},
        WrongOption{
            "on",
            int64_t{1},
            "features.adapters.on (run.toml:14): expected a value of type "
            "boolean, found 1"},
        WrongOption{
            "mode",
            std::string("exakt"),
            "features.adapters.mode (run.toml:14): expected one of fast and "
            "exact, found \"exakt\"; did you mean \"exact\"?"},
        WrongOption{
            "target",
            std::vector<std::string>{"q_proj", "k_proj"},
            "features.adapters.target (run.toml:14): expected one of all, "
            "q_proj and v_proj, found \"k_proj\"; did you mean \"q_proj\"?"}));

TEST(Options, AllProblemsAreTold) {
  EXPECT_EQ(
      check({{"rank", int64_t{0}}, {"mode", true}, {"x", 1.0}}).problems.size(),
      3u);
}

OptionTable table(const std::map<std::string, Value>& values) {
  OptionTable table;
  for (const auto& [name, value] : values) {
    table.values[name].value = value;
  }
  return table;
}

TEST(Condition, AnEmptyOneAlwaysHolds) {
  EXPECT_TRUE(holds(parse_condition(""), {}, "sft"));
}

TEST(Condition, ComparesTextsNumbersAndBooleans) {
  const OptionTable options = table(
      {{"mode", std::string("a and b")},
       {"rank", int64_t{8}},
       {"part", 2.0},
       {"on", true}});
  for (const char* text :
       {"mode == \"a and b\"",
        "mode != \"c\"",
        "rank == 8",
        "rank != -8",
        "part == 2",
        "part == 2.0",
        "on == true",
        "on != false",
        "stage == \"sft\"",
        "  rank==8 and  on == true and stage != \"pt\" "}) {
    EXPECT_TRUE(holds(parse_condition(text), options, "sft")) << text;
  }
  for (const char* text :
       {"mode == \"c\"",
        "rank != 8",
        "rank == 8.5",
        "on == false",
        "stage == \"pt\"",
        "rank == 8 and on == false",
        "missing == 1"}) {
    EXPECT_FALSE(holds(parse_condition(text), options, "sft")) << text;
  }
}

class BadCondition : public testing::TestWithParam<const char*> {};

TEST_P(BadCondition, IsRefused) {
  EXPECT_THROW(parse_condition(GetParam()), Failure);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    BadCondition,
    testing::Values(
        "rank",
        "rank =",
        "rank = 8",
        "rank == ",
        "== 8",
        "rank == 8 or on == true",
        "rank == 8 and",
        "rank == 8 and ",
        "rank == eight",
        "rank == \"8",
        "rank > 8"));

// A manifest comes out of any file: what it says may cost no stack.
TEST(Condition, ALongTextIsComparedOrRefusedInFewWords) {
  const std::string long_text(1 << 20, 'x');
  OptionTable options = table({{"mode", long_text}});
  EXPECT_TRUE(
      holds(parse_condition("mode == \"" + long_text + "\""), options, "sft"));
  const std::string message =
      zoo::message_of([&] { parse_condition("mode == \"" + long_text); });
  EXPECT_THAT(message, HasSubstr("found mode == \"xxx"));
  EXPECT_LT(message.size(), 250u);
}

TEST(Condition, MayOnlyNameOwnOptionsAndTheirValues) {
  const auto problem = [](const char* text) {
    return zoo::message_of(
        [&] { check_condition(parse_condition(text), manifest()); });
  };
  EXPECT_EQ(problem("mode == \"exact\" and rank == 3 and stage == \"pt\""), "");
  EXPECT_THAT(
      problem("mod == \"exact\""),
      HasSubstr("expected one of stage, dropout, mode, on, rank and target in "
                "a condition, found mod"));
  EXPECT_THAT(
      problem("mode == \"slow\""), HasSubstr("option mode is never \"slow\""));
  EXPECT_THAT(problem("rank == 1.5"), HasSubstr("is never 1.5"));
  EXPECT_THAT(problem("stage == 3"), HasSubstr("\"text\""));
  EXPECT_THAT(
      problem("stage != \"sfft\""),
      HasSubstr("stage is never \"sfft\", but one of sft and pt; did you mean "
                "sft?"));
}

} // namespace
} // namespace octet
