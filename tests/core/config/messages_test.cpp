// Every kind of bad run.toml, with the exact message that the user reads.
#include "tests/core/config/config_fixture.h"

namespace octet {
namespace {

using ConfigMessages = ConfigTest;

TEST_F(ConfigMessages, SyntaxErrorShowsLineColumnAndText) {
  EXPECT_EQ(
      message("[model]\npath = \"model\nseed = 1\n"),
      "[config] run.toml:2:14: not valid TOML: the string is not closed "
      "before the end of the line\n"
      "  2 | path = \"model\n"
      "    |              ^");
}

TEST_F(ConfigMessages, KeyGivenTwiceIsASyntaxError) {
  const std::string text = message("[run]\nseed = 1\nseed = 2\n");
  EXPECT_NE(text.find("[config] run.toml:3:"), std::string::npos) << text;
  EXPECT_NE(text.find("seed = 2"), std::string::npos) << text;
}

TEST_F(ConfigMessages, MisspeltKeyNamesTheNearestOne) {
  EXPECT_EQ(
      message(base() + "[train]\nepoch_s = 1\n"),
      "[config] unknown key train.epoch_s (run.toml:6); did you mean "
      "train.epochs?");
}

TEST_F(ConfigMessages, KeyInTheWrongTableNamesTheRightOne) {
  EXPECT_EQ(
      message(base() + "[train]\nmax_length = 512\n"),
      "[config] unknown key train.max_length (run.toml:6); did you mean "
      "data.max_length?");
}

TEST_F(ConfigMessages, KeyOfAnotherTrainerNamesOurs) {
  EXPECT_EQ(
      message(base() + "[train]\nper_device_train_batch_size = 1\n"),
      "[config] unknown key train.per_device_train_batch_size (run.toml:6); "
      "did you mean train.batch_size?");
}

TEST_F(ConfigMessages, KeyWithoutATableNamesItsTable) {
  EXPECT_EQ(
      message("epochs = 3\n" + base()),
      "[config] unknown key epochs (run.toml:1); did you mean train.epochs?");
}

TEST_F(ConfigMessages, KeyThatSeveralTablesHaveNamesThemAll) {
  EXPECT_EQ(
      message(base() + "[train]\nevery = 3\n"),
      "[config] unknown key train.every (run.toml:6); did you mean eval.every, "
      "watch.every or checkpoint.every?");
}

TEST_F(ConfigMessages, KeyNearNothingPointsAtHelp) {
  EXPECT_EQ(
      message(base() + "[train]\nzzzzzzzz = 3\n"),
      "[config] unknown key train.zzzzzzzz (run.toml:6); `trainer config help "
      "train` lists the keys");
}

TEST_F(ConfigMessages, UnknownKeyOfPrecisionPointsAtTheBackendsTable) {
  EXPECT_EQ(
      message(base() + "[precision]\nrecipie = \"rowwise\"\n"),
      "[config] unknown key precision.recipie (run.toml:6); options of a "
      "backend stand in its own table, [precision.<backend>]");
}

TEST_F(ConfigMessages, PluginOptionsAreAmongTheSuggestions) {
  const auto keys = [] {
    return std::vector<std::string>{
        "precision.some.recipe", "features.other.rank"};
  };
  EXPECT_EQ(
      message(base() + "[precision]\nrecipie = \"rowwise\"\n", {}, keys),
      "[config] unknown key precision.recipie (run.toml:6); did you mean "
      "precision.some.recipe?");
  EXPECT_EQ(
      message(base() + "[other]\nrank = 8\n", {}, keys),
      "[config] unknown table [other] (run.toml:5); did you mean "
      "[features.other]?");
}

TEST_F(ConfigMessages, MisspeltTableIsToldOnceNotOnceAKey) {
  EXPECT_EQ(
      message(base() + "[trian]\nepochs = 1\nseed = 2\n"),
      "[config] unknown table [trian] (run.toml:5); did you mean [train]?");
}

TEST_F(ConfigMessages, UnknownTableListsTheTables) {
  EXPECT_EQ(
      message(base() + "[optimizer]\nname = \"adamw\"\n"),
      "[config] unknown table [optimizer] (run.toml:5); the tables are run, "
      "model, data, train, eval, precision, features, watch, checkpoint, "
      "export "
      "and plugins");
}

TEST_F(ConfigMessages, UnknownKeyOfADataSet) {
  EXPECT_EQ(
      message("[model]\npath = \"model\"\n[data]\ntrain = [\n  \"a.jsonl\",\n"
              "  { path = \"b.jsonl\", foramt = \"alpaca\" },\n]\n"),
      "[config] unknown key data.train[1].foramt (run.toml:6); did you mean "
      "format?");
}

TEST_F(ConfigMessages, QuotedKeyWithADotIsShownQuoted) {
  EXPECT_EQ(
      message("\"train.epochs\" = 3\n" + base()),
      "[config] unknown key \"train.epochs\" (run.toml:1); every key stands "
      "in a table, such as [train]");
}

TEST_F(ConfigMessages, WrongTypeTellsExpectedAndFound) {
  EXPECT_EQ(
      message(base() + "[train]\nepochs = \"three\"\n"),
      "[config] train.epochs = \"three\" (run.toml:6): expected a number, "
      "found a string");
  EXPECT_EQ(
      message(base() + "[train]\nlearning_rate = \"2e-4\"\n"),
      "[config] train.learning_rate = \"2e-4\" (run.toml:6): expected a "
      "number, found a string; write it without quotes: 0.0002");
  EXPECT_EQ(
      message(base() + "max_length = 512.0\n"),
      "[config] data.max_length = 512.0 (run.toml:5): expected an integer, "
      "found a real number; write 512");
  EXPECT_EQ(
      message(base() + "packing = 1\n"),
      "[config] data.packing = 1 (run.toml:5): expected a boolean, found an "
      "integer; write true or false");
  EXPECT_EQ(
      message(base() + "packing = \"false\"\n"),
      "[config] data.packing = \"false\" (run.toml:5): expected a boolean, "
      "found a string; write it without quotes: false");
  EXPECT_EQ(
      message(base() + "template = [\"chatml\"]\n"),
      "[config] data.template = [\"chatml\"] (run.toml:5): expected a string, "
      "found an array");
  EXPECT_EQ(
      message(base() + "[run]\nname = 2026-01-02\n"),
      "[config] run.name = 2026-01-02 (run.toml:6): expected a string, found "
      "a date or time; write it in quotes: \"2026-01-02\"");
}

TEST_F(ConfigMessages, StringWhereAnArrayBelongsIsShownInBrackets) {
  EXPECT_EQ(
      message("[model]\npath = \"model\"\n[data]\ntrain = \"a.jsonl\"\n"),
      "[config] data.train = \"a.jsonl\" (run.toml:4): expected an array of "
      "data sets, found a string; write it in brackets: [\"a.jsonl\"]");
  EXPECT_EQ(
      message(base() + "[plugins]\npath = [1]\n"),
      "[config] plugins.path = [1] (run.toml:6): expected an array of paths, "
      "found an integer in it");
}

TEST_F(ConfigMessages, DataSetThatIsNeitherPathNorTable) {
  EXPECT_EQ(
      message("[model]\npath = \"model\"\n[data]\ntrain = [7]\n"),
      "[config] data.train[0] = 7 (run.toml:4): expected a path or a table "
      "such as { path = \"data.jsonl\" }, found an integer");
}

TEST_F(ConfigMessages, ValueWhereATableBelongs) {
  EXPECT_EQ(
      message("model = \"model\"\n[data]\ntrain = [\"a.jsonl\"]\n"),
      "[config] model = \"model\" (run.toml:1): expected a table, found a "
      "string; did you mean model.path?");
  EXPECT_EQ(
      message("train = 3\n" + base()),
      "[config] train = 3 (run.toml:1): expected a table, found an integer; "
      "write [train] and its keys below");
  EXPECT_EQ(
      message("features = [\"x\"]\n" + base()),
      "[config] features = [\"x\"] (run.toml:1): expected a table, found an "
      "array; a feature is on when its table is there: [features.<name>]");
  EXPECT_EQ(
      message(base() + "[features]\nx = true\n"),
      "[config] features.x = true (run.toml:6): expected a table, found a "
      "boolean; write [features.x] to turn the feature on, and remove it to "
      "turn it off");
}

TEST_F(ConfigMessages, OptionOfAPluginThatNoManifestCouldDescribe) {
  EXPECT_EQ(
      message(base() + "[features.x]\nrank = [1, 2]\n"),
      "[config] features.x.rank = [1, 2] (run.toml:6): expected a boolean, a "
      "number, a string or an array of strings, found an array");
}

TEST_F(ConfigMessages, OutOfRangeTellsRangeAndValue) {
  EXPECT_EQ(
      message(base() + "max_length = 0\n"),
      "[config] data.max_length = 0 (run.toml:5): expected a value of at "
      "least 2 and at most 16777216");
  EXPECT_EQ(
      message(base() + "eval_fraction = 1.0\n"),
      "[config] data.eval_fraction = 1.0 (run.toml:5): expected a value of at "
      "least 0 and less than 1");
  EXPECT_EQ(
      message(base() + "[train]\nlearning_rate = 0\n"),
      "[config] train.learning_rate = 0 (run.toml:6): expected a value of "
      "more than 0 and at most 10");
  EXPECT_EQ(
      message(base() + "[run]\nseed = -1\n"),
      "[config] run.seed = -1 (run.toml:6): expected a value of at least 0");
  EXPECT_EQ(
      message(base() + "[train]\nlearning_rate = nan\n"),
      "[config] train.learning_rate = nan (run.toml:6): expected a finite "
      "number");
}

TEST_F(ConfigMessages, ChoiceThatIsNotOneTellsThemAll) {
  EXPECT_EQ(
      message(base() + "[train]\nschedule = \"cosin\"\n"),
      "[config] train.schedule = \"cosin\" (run.toml:6): expected one of "
      "cosine, linear, constant and warmup-stable-decay; did you mean "
      "\"cosine\"?");
}

TEST_F(ConfigMessages, EmptyTextAndPath) {
  EXPECT_EQ(
      message(base() + "[precision]\nbackend = \"\"\n"),
      "[config] precision.backend = \"\" (run.toml:6): expected a text, found "
      "an empty string");
  EXPECT_EQ(
      message("[model]\npath = \"\"\n[data]\ntrain = [\"a.jsonl\"]\n"),
      "[config] model.path = \"\" (run.toml:2): expected a path, found an "
      "empty string");
}

TEST_F(ConfigMessages, EmptyFileTellsWhatIsRequired) {
  EXPECT_EQ(
      message(""),
      "[config] run.toml has 2 problems:\n"
      "  - missing key model.path (run.toml): A Hugging Face folder "
      "(config.json, safetensors, tokenizer.json) or a .gguf file; for "
      "example path = \"models/smollm2-135m\"\n"
      "  - missing key data.train (run.toml): Training sets, each a path or a "
      "table with the keys of data.train[]; for example train = "
      "[\"data/identity.jsonl\", { path = \"data/chat.json\", format = "
      "\"sharegpt\", weight = 0.5 }]");
}

TEST_F(ConfigMessages, NoDataSetAtAll) {
  EXPECT_EQ(
      message("[model]\npath = \"model\"\n[data]\ntrain = []\n"),
      "[config] data.train = [] (run.toml:4): expected at least one data set");
}

TEST_F(ConfigMessages, MissingFilesTellWhereTheyWereLookedFor) {
  EXPECT_EQ(
      message("[model]\npath = \"none\"\n[data]\n"
              "train = [\"a.jsonl\", { path = \"c.jsonl\" }]\n"),
      "[config] run.toml has 2 problems:\n"
      "  - model.path = \"none\" (run.toml:2): no such file or folder: " +
          folder_.string() +
          "/none\n"
          "  - data.train[1].path = \"c.jsonl\" (run.toml:4): no such file: " +
          folder_.string() + "/c.jsonl");
}

TEST_F(ConfigMessages, PathThatLiesBesideTheFileIsPointedOut) {
  std::filesystem::create_directory("configs");
  write("configs/data.jsonl", "{}\n");
  write(
      "configs/run.toml",
      "[model]\npath = \"model\"\n[data]\ntrain = [\"data.jsonl\"]\n");
  try {
    load_run_config("configs/run.toml", {});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(
        std::string(failure.what()),
        "[config] data.train[0].path = \"data.jsonl\" (configs/run.toml:4): "
        "no such file: " +
            folder_.string() +
            "/data.jsonl; paths count from the folder trainer is started in, "
            "so write \"configs/data.jsonl\"");
  }
}

TEST_F(ConfigMessages, FolderWhereAFileBelongs) {
  EXPECT_EQ(
      message("[model]\npath = \"model\"\n[data]\ntrain = [\"model\"]\n"),
      "[config] data.train[0].path = \"model\" (run.toml:4): expected a file, "
      "found a folder: " +
          folder_.string() + "/model");
  EXPECT_EQ(
      message(base() + "[run]\noutput = \"a.jsonl\"\n"),
      "[config] run.output = \"a.jsonl\": expected a folder, found a file: " +
          folder_.string() + "/a.jsonl");
}

TEST_F(ConfigMessages, MissingConfigFileNamesTheNearestOne) {
  write("quickstart.toml", base());
  try {
    load_run_config("quikstart.toml", {});
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::usage);
    EXPECT_EQ(
        std::string(failure.what()),
        "[config] cannot read " + folder_.string() +
            "/quikstart.toml: No such file or directory; did you mean "
            "quickstart.toml?");
  }
}

TEST_F(ConfigMessages, FolderInsteadOfAConfigFile) {
  EXPECT_THROW(load_run_config("model", {}), Failure);
  try {
    load_run_config("model", {});
  } catch (const Failure& failure) {
    EXPECT_EQ(
        std::string(failure.what()),
        "[config] expected a run.toml, found a folder: " + folder_.string() +
            "/model");
  }
}

TEST_F(ConfigMessages, AllProblemsAreToldAtOnce) {
  EXPECT_EQ(
      message(
          "[model]\npath = \"none\"\n[data]\ntrain = [\"a.jsonl\"]\n"
          "max_length = 0\n[train]\nepoch = 1\nschedule = 3\n",
          {"run.sed=1"}),
      "[config] run.toml has 5 problems:\n"
      "  - unknown key run.sed (--set); did you mean run.seed?\n"
      "  - data.max_length = 0 (run.toml:5): expected a value of at least 2 "
      "and at most 16777216\n"
      "  - train.schedule = 3 (run.toml:8): expected a string, found an "
      "integer; write it in quotes: \"3\"\n"
      "  - unknown key train.epoch (run.toml:7); did you mean train.epochs?\n"
      "  - model.path = \"none\" (run.toml:2): no such file or folder: " +
          folder_.string() + "/none");
}

TEST_F(ConfigMessages, LongValueIsShortenedBetweenCharacters) {
  std::string value;
  for (int i = 0; i < 40; ++i) {
    value += "\xC3\xA9";
  }
  const std::string text =
      message(base() + "[train]\nschedule = \"" + value + "\"\n");
  EXPECT_NE(text.find("\xC3\xA9... (run.toml:6)"), std::string::npos) << text;
}

} // namespace
} // namespace octet
