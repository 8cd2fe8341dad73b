// octet_conformance and time: its limits, and processes that outlive a plugin.
#include "tests/integration/examined.h"

#include <gmock/gmock.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

namespace octet {
namespace {

using ::testing::HasSubstr;

const std::string kFaulty =
    OCTET_BINARY_DIR "/tests/conformance/faulty_precision.so";

/// A process that was ended but not waited for yet counts as gone.
bool is_gone(const std::string& process) {
  std::ifstream file("/proc/" + process + "/stat");
  std::string number, name, state;
  file >> number >> name >> state;
  return !file || state == "Z" || state == "X";
}

// It holds the pipe of the report open, which must not be waited for.
TEST(Conformance, AProcessThatAPluginLeftBehindIsEndedAndNotWaitedFor) {
  const ProcessResult result = run_conformance(
      "--json --timeout 120 " + kFaulty + " --set fault=leaves_process");
  EXPECT_EQ(result.status, 0) << result.out;
  const std::string words = "left process ";
  const size_t at = result.err.find(words);
  ASSERT_NE(at, std::string::npos) << result.err;
  const std::string process =
      std::to_string(std::atoi(result.err.c_str() + at + words.size()));
  // What was killed may take a moment to go.
  for (int i = 0; i < 500 && !is_gone(process); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(is_gone(process)) << process;
}

TEST(Conformance, AnImpossibleTimeoutOrToleranceIsToldWithItsValue) {
  for (const char* seconds : {"0", "-1", "86401"}) {
    const ProcessResult result =
        run_conformance("--timeout=" + std::string(seconds) + " " + kFaulty);
    EXPECT_EQ(result.status, 2) << seconds;
    EXPECT_EQ(
        result.err,
        "[conformance] expected a --timeout of 1 to 86400 seconds, found " +
            std::string(seconds) + "; see `octet_conformance --help`\n");
  }
  for (const char* seconds : {"99999999999999999999", "soon", "1.5"}) {
    const ProcessResult result =
        run_conformance("--timeout=" + std::string(seconds) + " " + kFaulty);
    EXPECT_EQ(result.status, 2) << seconds;
    EXPECT_THAT(result.err, HasSubstr(seconds));
  }
  const ProcessResult tolerance = run_conformance("--tolerance=nan " + kFaulty);
  EXPECT_EQ(tolerance.status, 2);
  EXPECT_THAT(
      tolerance.err,
      HasSubstr("expected a --tolerance of at least 0 and less than 1, found "
                "nan"));
}

} // namespace
} // namespace octet
