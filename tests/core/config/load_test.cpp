// What a good run.toml becomes.
#include "tests/core/config/config_fixture.h"

namespace octet {
namespace {

using ConfigLoad = ConfigTest;

TEST_F(ConfigLoad, SmallestFileGetsEveryDefault) {
  const RunConfig config = load(base());
  EXPECT_EQ(config.run.name, "run");
  EXPECT_EQ(config.run.output, "runs/run");
  EXPECT_EQ(config.run.seed, 42u);
  EXPECT_EQ(config.model.path, "model");
  ASSERT_EQ(config.data.train.size(), 1u);
  EXPECT_EQ(config.data.train[0].path, "a.jsonl");
  EXPECT_EQ(config.data.train[0].format, "auto");
  EXPECT_EQ(config.data.train[0].weight, 1.0);
  EXPECT_EQ(config.data.train[0].place.text(), "run.toml:4");
  EXPECT_EQ(config.data.chat_template, "auto");
  EXPECT_FALSE(config.data.system.has_value());
  EXPECT_FALSE(config.data.custom_template.has_value());
  EXPECT_EQ(config.data.max_length, 2048);
  EXPECT_TRUE(config.data.packing);
  EXPECT_EQ(config.train.epochs, 3.0);
  EXPECT_EQ(config.train.batch_size, 1);
  EXPECT_EQ(config.train.learning_rate, 5e-5);
  EXPECT_EQ(config.train.schedule, "cosine");
  EXPECT_EQ(config.train.beta2, 0.999);
  EXPECT_EQ(config.train.max_grad_norm, 1.0);
  EXPECT_EQ(config.precision.backend, "auto");
  EXPECT_TRUE(config.features.empty());
  EXPECT_EQ(config.checkpoint.keep, 2);
  EXPECT_EQ(config.export_.dtype, "auto");
}

TEST_F(ConfigLoad, EveryKindOfValueArrives) {
  const RunConfig config = load(
      "[run]\nname = \"x\"\noutput = \"out\"\nseed = 7\n"
      "[model]\npath = \"model\"\n"
      "[data]\nsystem = \"Be brief.\"\npacking = false\n"
      "[[data.train]]\npath = \"a.jsonl\"\nformat = \"alpaca\"\n"
      "weight = 2\nmax_records = 5\n"
      "columns = { instruction = \"q\", output = \"a\" }\n"
      "[[data.train]]\npath = \"b.jsonl\"\n"
      "[train]\nepochs = 1\nlearning_rate = 2e-4\n"
      "[plugins]\npath = [\"model\"]\n");
  EXPECT_EQ(config.run.name, "x");
  EXPECT_EQ(config.run.output, "out");
  EXPECT_EQ(config.run.seed, 7u);
  EXPECT_EQ(config.data.system, "Be brief.");
  EXPECT_FALSE(config.data.packing);
  ASSERT_EQ(config.data.train.size(), 2u);
  EXPECT_EQ(config.data.train[0].format, "alpaca");
  EXPECT_EQ(config.data.train[0].weight, 2.0);
  EXPECT_EQ(config.data.train[0].max_records, 5);
  EXPECT_EQ(config.data.train[0].columns.at("output"), "a");
  EXPECT_EQ(config.data.train[1].path, "b.jsonl");
  EXPECT_EQ(config.train.epochs, 1.0);
  EXPECT_EQ(config.train.learning_rate, 2e-4);
  ASSERT_EQ(config.plugins.path.size(), 1u);
}

TEST_F(ConfigLoad, NameComesFromTheFile) {
  write("identity.toml", base());
  const RunConfig config = load_run_config("identity.toml", {});
  EXPECT_EQ(config.run.name, "identity");
  EXPECT_EQ(config.run.output, "runs/identity");
}

TEST_F(ConfigLoad, PluginTablesKeepValuesAndPlaces) {
  const RunConfig config = load(
      base() +
      "[precision]\nbackend = \"some\"\n"
      "[precision.some]\nrecipe = \"rowwise\"\n"
      "[features.a]\n"
      "[features.b]\nrank = 16\nalpha = 1.5\non = true\n"
      "target = [\"q_proj\", \"v_proj\"]\nempty = []\n");
  EXPECT_EQ(config.precision.backend, "some");
  EXPECT_EQ(config.precision.place.text(), "run.toml:6");
  const OptionTable& some = config.precision.tables.at("some");
  EXPECT_EQ(std::get<std::string>(some.values.at("recipe").value), "rowwise");
  EXPECT_EQ(some.values.at("recipe").place.text(), "run.toml:8");
  EXPECT_EQ(config.features.size(), 2u);
  EXPECT_TRUE(config.features.at("a").values.empty());
  EXPECT_EQ(config.features.at("a").place.line, 9);
  const auto& b = config.features.at("b").values;
  EXPECT_EQ(std::get<int64_t>(b.at("rank").value), 16);
  EXPECT_EQ(std::get<double>(b.at("alpha").value), 1.5);
  EXPECT_TRUE(std::get<bool>(b.at("on").value));
  EXPECT_EQ(
      std::get<std::vector<std::string>>(b.at("target").value),
      (std::vector<std::string>{"q_proj", "v_proj"}));
  EXPECT_TRUE(std::get<std::vector<std::string>>(b.at("empty").value).empty());
}

TEST_F(ConfigLoad, TildeIsTheUsersFolder) {
  setenv("HOME", folder_.c_str(), 1);
  const RunConfig config =
      load("[model]\npath = \"~/model\"\n[data]\ntrain = [\"~/a.jsonl\"]\n");
  EXPECT_EQ(config.model.path, folder_ / "model");
  EXPECT_EQ(config.data.train[0].path, folder_ / "a.jsonl");
  EXPECT_EQ(config.data.cache, folder_ / ".cache/octet/data");
}

TEST_F(ConfigLoad, CustomTemplateArrives) {
  const RunConfig config = load(
      base() +
      "template = \"custom\"\n[data.custom_template]\n"
      "user = \"U {user}\\n\"\nassistant = \"{assistant}</s>\"\n"
      "stop = [\"</s>\"]\n");
  ASSERT_TRUE(config.data.custom_template.has_value());
  EXPECT_EQ(config.data.custom_template->user, "U {user}\n");
  EXPECT_EQ(config.data.custom_template->system, "{system}");
  EXPECT_EQ(
      config.data.custom_template->stop, std::vector<std::string>{"</s>"});
}

TEST_F(ConfigLoad, EffectiveNamesEveryKeyAsTomlWritesIt) {
  const RunConfig config =
      load(base() + "system = \"a \\\"b\\\"\\n\"\n[features.x]\nrank = 8\n");
  EXPECT_EQ(config.effective.at("train.epochs"), "3.0");
  EXPECT_EQ(config.effective.at("train.learning_rate"), "5e-05");
  EXPECT_EQ(config.effective.at("data.packing"), "true");
  EXPECT_EQ(config.effective.at("data.system"), "\"a \\\"b\\\"\\n\"");
  EXPECT_EQ(
      config.effective.at("data.train"),
      "[{ path = \"a.jsonl\", format = \"auto\", columns = {}, weight = 1.0, "
      "max_records = 0 }]");
  EXPECT_EQ(config.effective.at("features.x.rank"), "8");
  EXPECT_EQ(config.places.at("features.x.rank").text(), "run.toml:7");
  EXPECT_EQ(config.places.count("train.epochs"), 0u);
}

// Loading what `effective` says must give the same configuration again.
TEST_F(ConfigLoad, EffectiveValuesLoadToThemselves) {
  const RunConfig config = load(
      "[model]\npath = \"model\"\n[data]\ntrain = [{ path = \"a.jsonl\", "
      "columns = { output = \"an answer\" }, weight = 0.1 }]\n"
      "system = \"\\u007f \\\\ tab\\t\"\n[train]\nlearning_rate = 1e-7\n"
      "[features.x]\n[features.y]\ntarget = [\"a\", \"b\"]\n");
  std::string text;
  for (const auto& [key, value] : config.effective) {
    text += key + " = " + value + "\n";
  }
  EXPECT_EQ(load(text).effective, config.effective) << text;
}

TEST_F(ConfigLoad, EnvironmentChangesNothing) {
  const auto before = load(base()).effective;
  setenv("OCTET_TRAIN_EPOCHS", "9", 1);
  setenv("TRAIN_EPOCHS", "9", 1);
  EXPECT_EQ(load(base()).effective, before);
}

} // namespace
} // namespace octet
