// Trains every pair of trained_pairs.txt through the program, two steps each.
// docs/compatibility.md calls exactly these pairs tested.
#include "tests/integration/train_fixture.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <ostream>
#include <sstream>

namespace octet {
namespace {

struct Pair {
  std::string first, second, test;
  std::vector<std::string> settings;
};

void PrintTo(const Pair& pair, std::ostream* out) {
  *out << pair.first << " with " << pair.second;
}

std::vector<Pair> pairs() {
  std::vector<Pair> all;
  std::ifstream file(OCTET_SOURCE_DIR "/tests/integration/trained_pairs.txt");
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line.substr(0, line.find('#')));
    Pair pair;
    if (words >> pair.first >> pair.second >> pair.test) {
      for (std::string setting; words >> setting;) {
        pair.settings.push_back(setting);
      }
      all.push_back(pair);
    }
  }
  return all;
}

std::string name_of(const testing::TestParamInfo<Pair>& info) {
  std::string name = info.param.first + "_with_" + info.param.second;
  for (char& c : name) {
    c = c == '-' ? '_' : c;
  }
  return name;
}

class TrainedPair : public TrainRun,
                    public testing::WithParamInterface<Pair> {};

TEST_P(TrainedPair, TrainsTogether) {
  const Pair& pair = GetParam();
  const auto* info = testing::UnitTest::GetInstance()->current_test_info();
  EXPECT_EQ(
      pair.test, info->test_suite_name() + std::string(".") + info->name());
  // run.toml of the fixture, without its features.
  const std::string toml = file_bytes(folder() / "run.toml");
  write("run.toml", toml.substr(0, toml.find("[precision]")));
  std::vector<std::string> settings = {"train.max_steps=2"};
  for (const std::string& name : {pair.first, pair.second}) {
    const ProcessResult plugin =
        run_trainer({"plugins", "inspect", name, "--json"});
    ASSERT_EQ(plugin.status, 0) << plugin.err;
    const bool precision =
        nlohmann::json::parse(plugin.out)["kind"] == "precision";
    settings.push_back(
        precision ? "precision.backend=" + name : "features." + name + "={}");
  }
  settings.insert(settings.end(), pair.settings.begin(), pair.settings.end());
  const ProcessResult result = train(with_settings(settings));
  ASSERT_EQ(result.status, 0) << result.out << result.err;
  ASSERT_EQ(losses().size(), 2u);
  for (const double loss : losses()) {
    EXPECT_TRUE(std::isfinite(loss));
  }
  const nlohmann::json slots = events("verified").at(0)["slots"];
  EXPECT_TRUE(slots.contains(pair.first)) << slots;
  EXPECT_TRUE(slots.contains(pair.second)) << slots;
}

INSTANTIATE_TEST_SUITE_P(
    TrainedPairs,
    TrainedPair,
    testing::ValuesIn(pairs()),
    name_of);

} // namespace
} // namespace octet
