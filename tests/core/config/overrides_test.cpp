// --set key=value.
#include "tests/core/config/config_fixture.h"

namespace octet {
namespace {

using ConfigOverrides = ConfigTest;

TEST_F(ConfigOverrides, ReplaceValuesOfTheFile) {
  const RunConfig config =
      load(base() + "[train]\nepochs = 3\n", {"train.epochs=1"});
  EXPECT_EQ(config.train.epochs, 1.0);
  EXPECT_EQ(config.places.at("train.epochs").text(), "--set");
}

TEST_F(ConfigOverrides, LastOneWins) {
  EXPECT_EQ(load(base(), {"run.seed=1", "run.seed=2"}).run.seed, 2u);
}

TEST_F(ConfigOverrides, BareWordsAreStrings) {
  const RunConfig config = load(
      base(),
      {"train.schedule=linear",
       "precision.backend=bf16",
       "features.x.target=all-linear",
       "model.path=model",
       "data.system=You are brief, and kind."});
  EXPECT_EQ(config.train.schedule, "linear");
  EXPECT_EQ(config.precision.backend, "bf16");
  EXPECT_EQ(
      std::get<std::string>(config.features.at("x").values.at("target").value),
      "all-linear");
  EXPECT_EQ(config.data.system, "You are brief, and kind.");
}

TEST_F(ConfigOverrides, TextKeysTakeNumbersAsText) {
  const RunConfig config = load(base(), {"run.name=42", "data.system=true"});
  EXPECT_EQ(config.run.name, "42");
  EXPECT_EQ(config.data.system, "true");
}

TEST_F(ConfigOverrides, QuotedStringsAreToml) {
  EXPECT_EQ(load(base(), {"data.system=\"a\\nb\""}).data.system, "a\nb");
}

TEST_F(ConfigOverrides, ArraysTablesAndPluginOptions) {
  const RunConfig config = load(
      base(),
      {"data.train=[\"a.jsonl\", {path = \"b.jsonl\", weight = 2}]",
       "features.x={}",
       "precision.some.emulate=true",
       "features.y.rank=8"});
  ASSERT_EQ(config.data.train.size(), 2u);
  EXPECT_EQ(config.data.train[1].weight, 2.0);
  EXPECT_EQ(config.data.train[1].place.text(), "--set");
  EXPECT_EQ(config.features.size(), 2u);
  EXPECT_TRUE(std::get<bool>(
      config.precision.tables.at("some").values.at("emulate").value));
}

TEST_F(ConfigOverrides, MayGiveWhatTheFileLacks) {
  const RunConfig config =
      load("", {"model.path=model", "data.train=[\"a.jsonl\"]"});
  EXPECT_EQ(config.model.path, "model");
}

TEST_F(ConfigOverrides, UnknownKeyNamesTheNearestOne) {
  EXPECT_EQ(
      message(base(), {"train.epocs=1"}),
      "[config] unknown key train.epocs (--set); did you mean train.epochs?");
}

TEST_F(ConfigOverrides, WrongTypeAndRangeNameTheOption) {
  EXPECT_EQ(
      message(base(), {"train.epochs=many"}),
      "[config] train.epochs = \"many\" (--set): expected a number, found a "
      "string");
  EXPECT_EQ(
      message(base(), {"train.batch_size=0"}),
      "[config] train.batch_size = 0 (--set): expected a value of at least 1 "
      "and at most 65536");
}

TEST_F(ConfigOverrides, WithoutAnEqualsSign) {
  EXPECT_EQ(
      message(base(), {"train.epochs"}),
      "[config] --set train.epochs: expected key=value, such as "
      "train.epochs=1");
}

TEST_F(ConfigOverrides, WithoutAKey) {
  EXPECT_EQ(
      message(base(), {"=1"}),
      "[config] --set =1: expected key=value, such as train.epochs=1");
}

TEST_F(ConfigOverrides, WithoutAValue) {
  EXPECT_EQ(
      message(base(), {"run.name="}),
      "[config] --set run.name=: expected a value after =, found none; \"\" "
      "is the empty string");
}

TEST_F(ConfigOverrides, ArrayWithoutQuotes) {
  EXPECT_EQ(
      message(base(), {"features.x.target=[q_proj, v_proj]"}),
      "[config] --set features.x.target=[q_proj, v_proj]: not a value in TOML "
      "syntax; strings in arrays and tables need quotes: [\"a\", \"b\"]");
}

TEST_F(ConfigOverrides, CannotSmuggleInAnotherKey) {
  const RunConfig config = load(base(), {"run.name=1\nmodel.path = \"none\""});
  EXPECT_EQ(config.run.name, "1\nmodel.path = \"none\"");
  EXPECT_EQ(config.model.path, "model");
  EXPECT_NE(message(base(), {"run.seed=1\nx = 2"}), "no problem");
  EXPECT_EQ(
      message(base(), {"a = 1\nrun.seed=2"}).find("no problem"),
      std::string::npos);
}

TEST_F(ConfigOverrides, ThroughAValueIsATypeError) {
  EXPECT_EQ(
      message(base(), {"run.seed.x=1"}),
      "[config] run.seed = { x = 1 } (--set): expected an integer, found a "
      "table");
}

} // namespace
} // namespace octet
