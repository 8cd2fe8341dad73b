// Sharded sets: what the index says against what the shards hold.
#include "core/io/safetensors.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::fixture;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::put;
using testing::TempFolder;
using testing::values_of;

constexpr const char* kFirst = "model-00001-of-00002.safetensors";
constexpr const char* kSecond = "model-00002-of-00002.safetensors";

/// A copy of the fixture with another index.
class ShardedSafetensors : public ::testing::Test {
 protected:
  ShardedSafetensors() {
    for (const char* name : {kFirst, kSecond}) {
      std::filesystem::copy_file(fixture("io/sharded") / name, folder_ / name);
    }
  }
  std::string refused(const std::string& weight_map) {
    put(folder_ / kSafetensorsIndex, "{\"weight_map\":" + weight_map + "}");
    return failure_of(
        [&] { open_sharded_safetensors(folder_ / kSafetensorsIndex); });
  }

  TempFolder folder_;
};

TEST(ShardedSafetensorsFixture, ReadsTensorsFromTheirShards) {
  const auto file =
      open_sharded_safetensors(fixture("io/sharded") / kSafetensorsIndex);
  EXPECT_EQ(file->tensors().size(), 3u);
  EXPECT_THAT(values_of<float>(*file, "a"), ElementsAre(1, 1, 1, 1));
  EXPECT_THAT(values_of<float>(*file, "c"), ElementsAre(5, 5, 5, 5));
}

TEST_F(ShardedSafetensors, NamesEveryMissingShard) {
  EXPECT_THAT(
      refused("{\"a\":\"x.safetensors\",\"b\":\"y.safetensors\"}"),
      AllOf(
          HasSubstr("expected shard x.safetensors"),
          HasSubstr("expected shard y.safetensors")));
}

TEST_F(ShardedSafetensors, NamesATensorThatIsNotInItsShard) {
  EXPECT_THAT(
      refused(
          std::string("{\"a\":\"") + kFirst + "\",\"b\":\"" + kFirst +
          "\",\"c\":\"" + kFirst + "\"}"),
      HasSubstr(std::string("expected tensor c in ") + kFirst));
}

TEST_F(ShardedSafetensors, NamesATensorThatIsInNoEntryOfTheIndex) {
  EXPECT_THAT(
      refused(
          std::string("{\"a\":\"") + kFirst + "\",\"c\":\"" + kSecond + "\"}"),
      HasSubstr("found b in none of its entries"));
}

TEST_F(ShardedSafetensors, RefusesShardNamesThatLeaveTheFolder) {
  for (const char* name :
       {"../model.safetensors",
        "/etc/passwd",
        "a/b.safetensors",
        "..",
        ".",
        "",
        "sub/",
        "x\\u0000y"}) {
    EXPECT_THAT(
        refused(std::string("{\"a\":\"") + name + "\"}"),
        HasSubstr("plain file names"))
        << name;
  }
}

TEST_F(ShardedSafetensors, SaysWhatIsWrongWithADamagedShard) {
  std::filesystem::resize_file(folder_ / kSecond, 40);
  EXPECT_THAT(
      refused(
          std::string("{\"a\":\"") + kFirst + "\",\"b\":\"" + kFirst +
          "\",\"c\":\"" + kSecond + "\"}"),
      AllOf(HasSubstr("cut off"), HasSubstr(kSecond), Not(HasSubstr(kFirst))));
}

TEST_F(ShardedSafetensors, RefusesAnIndexThatIsNone) {
  EXPECT_THAT(refused("[]"), HasSubstr("weight_map"));
  EXPECT_THAT(refused("{\"a\":1}"), HasSubstr("shard for tensor a"));
  EXPECT_THAT(refused("{"), HasSubstr("broken at byte"));
  EXPECT_THAT(refused("{\"a\":\"x\",\"a\":\"y\"}"), HasSubstr("\"a\" twice"));
}

} // namespace
} // namespace octet
