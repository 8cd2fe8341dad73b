// The event log: one whole JSON object a line, whatever happens.
#include "core/report/events.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include <sys/resource.h>
#include <unistd.h>

namespace octet {
namespace {

class Events : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = std::filesystem::temp_directory_path() /
        ("octet_events_" + std::to_string(::getpid()) + ".jsonl");
    std::filesystem::remove(path_);
  }
  void TearDown() override {
    std::filesystem::remove(path_);
  }
  std::vector<std::string> lines() const {
    std::ifstream file(path_);
    std::vector<std::string> result;
    std::string line;
    while (std::getline(file, line)) {
      result.push_back(line);
    }
    return result;
  }
  void append(const std::string& text) const {
    std::ofstream(path_, std::ios::app) << text;
  }
  std::filesystem::path path_;
};

TEST_F(Events, LineIsThereBeforeTheLogIsClosed) {
  EventLog log(path_);
  log.write("step", {{"step", 3}, {"loss", 1.5}});
  ASSERT_EQ(lines().size(), 1u);
  const auto event = nlohmann::json::parse(lines()[0]);
  EXPECT_EQ(event["event"], "step");
  EXPECT_EQ(event["step"], 3);
  EXPECT_EQ(event["loss"], 1.5);
  EXPECT_GT(event["time"].get<double>(), 1.6e9);
}

TEST_F(Events, LineThatACrashCutIsClosedFirst) {
  append("{\"event\":\"step\",\"st");
  EventLog(path_).write("end", nlohmann::json::object());
  ASSERT_EQ(lines().size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(lines()[1])["event"], "end");
}

TEST_F(Events, NotANumberStaysReadableJson) {
  EventLog log(path_);
  const double infinity = std::numeric_limits<double>::infinity();
  log.write("step", {{"loss", std::nan("")}, {"list", {-infinity, 1.0}}});
  const auto event = nlohmann::json::parse(lines().at(0));
  EXPECT_EQ(event["loss"], "nan");
  EXPECT_EQ(event["list"][0], "-inf");
  EXPECT_EQ(event["list"][1], 1.0);
}

TEST_F(Events, TextThatIsNotUtf8IsReplacedNotRefused) {
  EventLog log(path_);
  log.write("warning", {{"text", "bad \xff byte"}});
  const auto event = nlohmann::json::parse(lines().at(0));
  EXPECT_EQ(event["text"], "bad \xef\xbf\xbd byte");
}

TEST_F(Events, StepsDoneAgainAfterAResumeCountOnce) {
  EventLog log(path_);
  log.write("start", {{"resumed_step", 0}});
  for (int step = 1; step <= 5; ++step) {
    log.write("step", {{"step", step}, {"loss", step * 1.0}});
  }
  log.write("eval", {{"step", 5}, {"loss", 9.0}});
  log.write("start", {{"resumed_step", 2}});
  log.write("step", {{"step", 3}, {"loss", 30.0}});
  const History history = read_history(path_);
  ASSERT_EQ(history.steps.size(), 3u);
  EXPECT_EQ(history.steps[1].loss, 2.0);
  EXPECT_EQ(history.steps[2].loss, 30.0);
  EXPECT_TRUE(history.evals.empty());
}

TEST_F(Events, DamagedLinesAreSkipped) {
  append("\n{\"event\":\"step\",\"step\":1,\"loss\":2}\n{oops\n[]\n7\n");
  append("{\"event\":\"step\",\"step\":2,\"loss\":\"nan\"}");
  const History history = read_history(path_);
  ASSERT_EQ(history.steps.size(), 2u);
  EXPECT_EQ(history.steps[0].loss, 2.0);
  EXPECT_TRUE(std::isnan(history.steps[1].loss));
}

TEST_F(Events, MissingLogIsEmpty) {
  EXPECT_TRUE(read_history(path_).steps.empty());
}

TEST_F(Events, FullDiskIsAFailureThatNamesTheFile) {
  // /dev/full answers every write as a full disk does.
  try {
    EventLog("/dev/full").write("step", nlohmann::json::object());
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    const std::string text = failure.what();
    EXPECT_NE(text.find("/dev/full"), std::string::npos) << text;
    EXPECT_NE(text.find("No space left"), std::string::npos) << text;
    EXPECT_NE(text.find("--resume"), std::string::npos) << text;
  }
}

} // namespace
} // namespace octet
