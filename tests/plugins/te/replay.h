// Replays the golden steps of delayed scaling (tests/fixtures/te) on a library,
// on the device that it computes on.
#pragma once

#include "plugins/te/scale_table.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/maximum.h>
#include <nlohmann/json.hpp>

#include <bit>
#include <cmath>
#include <fstream>
#include <map>

namespace octet::te_testing {

inline std::vector<uint32_t> bits_of(const at::Tensor& values) {
  const at::Tensor flat = values.cpu().contiguous();
  const float* data = flat.const_data_ptr<float>();
  std::vector<uint32_t> bits;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    bits.push_back(std::bit_cast<uint32_t>(data[i]));
  }
  return bits;
}

inline at::Tensor floats_of(const std::vector<uint32_t>& bits) {
  at::Tensor values = at::empty({static_cast<int64_t>(bits.size())});
  for (size_t i = 0; i < bits.size(); ++i) {
    values.data_ptr<float>()[i] = std::bit_cast<float>(bits[i]);
  }
  return values;
}

/// Replays one case; the first differing step fails the test.
inline void replay(
    const nlohmann::json& line,
    const std::shared_ptr<const te::Library>& library,
    const at::Device& device) {
  const auto length = line.at("history_length").get<int64_t>();
  const auto slots = line.at("slots").get<int64_t>();
  te::ScaleTable table(
      library,
      {line.at("format") == "E5M2" ? te::abi::kFloat8E5M2
                                   : te::abi::kFloat8E4M3,
       length,
       line.at("algo").get<std::string>(),
       line.at("margin").get<int64_t>()});
  for (int64_t slot = 0; slot < slots; ++slot) {
    table.add_slot();
  }
  table.use(device);
  int step = 0;
  for (const nlohmann::json& expected : line.at("steps")) {
    ++step;
    const at::Tensor amax =
        floats_of(expected.at("amax").get<std::vector<uint32_t>>());
    // What casts do to row 0: the maximum, which a NaN does not change.
    at::Tensor row = table.current_amax().cpu().clone();
    for (int64_t slot = 0; slot < slots; ++slot) {
      float& to = row.data_ptr<float>()[slot];
      to = std::fmax(to, amax.const_data_ptr<float>()[slot]);
    }
    table.current_amax().copy_(row);
    at::Tensor reduced;
    if (expected.contains("reduced_amax")) {
      reduced =
          floats_of(expected.at("reduced_amax").get<std::vector<uint32_t>>())
              .to(device);
    }
    table.update(reduced);
    ASSERT_EQ(
        bits_of(table.scales()),
        expected.at("scale").get<std::vector<uint32_t>>())
        << "scale after step " << step;
    const auto rows = expected.at("history_rows").get<std::vector<uint32_t>>();
    const auto count = static_cast<int64_t>(rows.size()) / slots;
    ASSERT_EQ(bits_of(table.history().slice(0, 0, count)), rows)
        << "history after step " << step;
    if (expected.contains("history")) {
      ASSERT_EQ(
          bits_of(table.history()),
          expected.at("history").get<std::vector<uint32_t>>());
    }
  }
}

/// All cases. @returns the steps replayed
inline int replay_golden_steps(
    const std::shared_ptr<const te::Library>& library,
    const at::Device& device) {
  std::ifstream file(
      std::string(OCTET_SOURCE_DIR) +
      "/tests/fixtures/te/te_delayed_scaling.jsonl");
  std::string text;
  std::map<int64_t, int> lengths;
  int steps = 0;
  while (std::getline(file, text)) {
    const auto line = nlohmann::json::parse(text);
    SCOPED_TRACE("case " + line.at("case").dump());
    replay(line, library, device);
    if (::testing::Test::HasFatalFailure()) {
      return steps;
    }
    ++lengths[line.at("history_length").get<int64_t>()];
    steps += static_cast<int>(line.at("steps").size());
  }
  for (const int64_t length : {1, 2, 3, 16, 1024}) {
    EXPECT_GT(lengths[length], 0) << length;
  }
  return steps;
}

} // namespace octet::te_testing
