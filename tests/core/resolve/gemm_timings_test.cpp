// Stored tables of times: read back, damaged, and of something else.
#include "core/resolve/gemm_timings.h"

#include "core/base/problems.h"
#include "tests/core/resolve/timing_tables.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using timing::row;
using timing::table;

TEST(GemmTimingsFile, ComesBackAsItWasWritten) {
  GemmTimings timings = table({row(1.5, 2.25), row(0.1, 0.3, 16)});
  timings.candidate_version = "0.1.0";
  timings.reference_version = "0.2.0";
  timings.options = {{"recipe", "\"rowwise\""}};
  timings.libtorch = "2.13.0";
  timings.octet = "0.1.0";
  timings.threads = 2;
  timings.microbatches = 3;
  const GemmTimings back = parse_timings(to_json(timings), "t.json");
  EXPECT_EQ(to_json(back), to_json(timings));
  EXPECT_EQ(back.shapes.at(1).shape, timings.shapes.at(1).shape);
  EXPECT_EQ(back.shapes.at(1).reference_ms, 0.3);
}

TEST(GemmTimingsFile, DamageIsToldWithTheFile) {
  nlohmann::json json = to_json(table({row(1, 2)}));
  json["shapes"][0].erase("candidate_ms");
  const auto problem = [](const nlohmann::json& value) {
    try {
      parse_timings(value, "t.json");
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::input);
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_THAT(
      problem(json), AllOf(HasSubstr("t.json"), HasSubstr("candidate_ms")));
  EXPECT_THAT(
      problem(nlohmann::json::parse("{", nullptr, false)), HasSubstr("t.json"));
  json = to_json(table({row(1, 2)}));
  json["format"] = 7;
  EXPECT_THAT(problem(json), HasSubstr("expected format 1, found 7"));
}

TEST(CompareTimings, OtherShapesBackendsAndOptionsAreFatal) {
  GemmTimings stored = table({row(1, 2)});
  GemmTimings wanted = table({row(0, 0), row(0, 0, 16)});
  EXPECT_THAT(
      compare_timings(stored, wanted).fatal,
      ElementsAre("it lacks [64, 8] x [16, 8]^T"));
  wanted.shapes = stored.shapes;
  EXPECT_TRUE(compare_timings(stored, wanted).fatal.empty());
  wanted.candidate = "nine";
  wanted.options = {{"recipe", "\"rowwise\""}};
  EXPECT_THAT(
      compare_timings(stored, wanted).fatal,
      ElementsAre(
          "it has candidate eight, this run has nine",
          "it was made with recipe = none, this run has \"rowwise\""));
}

TEST(CompareTimings, OtherMachineAndVersionsAreNotes) {
  const GemmTimings stored = table({row(1, 2)});
  GemmTimings wanted = stored;
  EXPECT_TRUE(compare_timings(stored, wanted).notes.empty());
  wanted.device = "another";
  wanted.threads = 8;
  wanted.libtorch = "3.0";
  wanted.candidate_version = "9.9.9";
  const TimingDifferences found = compare_timings(stored, wanted);
  EXPECT_TRUE(found.fatal.empty());
  EXPECT_EQ(found.notes.size(), 4u);
  EXPECT_EQ(
      found.notes.at(0), "it was measured on a machine, this run has another");
}

} // namespace
} // namespace octet
