// Writing safetensors: the layout that the reference implementation gives the
// same tensors, any order of arrival, shards, and nothing half-written.
#include "core/io/safetensors.h"

#include "core/io/safetensors_header.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cstring>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::fixture;
using testing::get;
using ::testing::HasSubstr;
using testing::TempFolder;
using testing::values_of;

std::vector<TensorInfo> infos(const TensorFile& file) {
  std::vector<TensorInfo> infos;
  for (const auto& [name, info] : file.tensors()) {
    infos.push_back(info);
  }
  return infos;
}

nlohmann::json header_of(const std::string& content) {
  uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof(length));
  return nlohmann::json::parse(content.substr(8, length));
}

std::string data_of(const std::string& content) {
  uint64_t length = 0;
  std::memcpy(&length, content.data(), sizeof(length));
  return content.substr(8 + length);
}

TEST(SafetensorsWriter, WritesWhatTheReferenceImplementationWrites) {
  const TempFolder folder;
  const auto source = open_safetensors(fixture("io/tiny.safetensors"));
  SafetensorsWriter writer(
      folder / "x",
      infos(*source),
      safetensors_metadata(fixture("io/tiny.safetensors")));
  for (const auto& [name, info] : source->tensors()) {
    writer.write(name, values_of<std::byte>(*source, name));
  }
  writer.commit();
  const std::string ours = get(folder / "x");
  const std::string theirs = get(fixture("io/tiny.safetensors"));
  EXPECT_EQ(header_of(ours), header_of(theirs));
  EXPECT_EQ(data_of(ours), data_of(theirs));
}

TEST(SafetensorsWriter, AlignsTheDataToEightBytes) {
  const TempFolder folder;
  SafetensorsWriter writer(
      folder / "x", {{"t", StoredType::f64, {0}, 0}}, {{"format", "pt"}});
  writer.write("t", {});
  writer.commit();
  EXPECT_EQ(std::filesystem::file_size(folder / "x") % 8, 0u);
}

TEST(SafetensorsWriter, LeavesNothingWithoutCommit) {
  const TempFolder folder;
  {
    SafetensorsWriter writer(folder / "x", {{"t", StoredType::u8, {1}, 0}}, {});
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SafetensorsWriter, RefusesToCommitWithTensorsMissing) {
  const TempFolder folder;
  SafetensorsWriter writer(
      folder / "x",
      {{"a", StoredType::u8, {1}, 0}, {"b", StoredType::u8, {1}, 0}},
      {});
  EXPECT_THAT(
      failure_of([&] { writer.commit(); }),
      AllOf(HasSubstr("expected tensor a"), HasSubstr("expected tensor b")));
  EXPECT_FALSE(std::filesystem::exists(folder / "x"));
}

TEST(SafetensorsWriter, RefusesNamesAndSizesThatWereNotAnnounced) {
  const TempFolder folder;
  SafetensorsWriter writer(folder / "x", {{"a", StoredType::f32, {2}, 0}}, {});
  const std::vector<std::byte> eight(8), four(4);
  EXPECT_THAT(
      failure_of([&] { writer.write("b", eight); }),
      HasSubstr("got b, which is none of them"));
  EXPECT_THAT(
      failure_of([&] { writer.write("a", four); }),
      HasSubstr("expected 8 bytes of tensor a, got 4"));
  writer.write("a", eight);
  EXPECT_THAT(
      failure_of([&] { writer.write("a", eight); }), HasSubstr("a again"));
}

TEST(SafetensorsWriter, RefusesBlocksThatTheFormatDoesNotKnow) {
  const TempFolder folder;
  EXPECT_THAT(
      failure_of([&] {
        SafetensorsWriter(folder / "x", {{"a", StoredType::q4_0, {32}, 0}}, {});
      }),
      HasSubstr("a of type Q4_0"));
}

/// Three tensors of 8 bytes in shards of 16.
TEST(ShardedSafetensorsWriter, WritesShardsAndAnIndexThatTheReaderOpens) {
  const TempFolder folder;
  std::vector<TensorInfo> tensors;
  for (const char* name : {"a", "b", "c"}) {
    tensors.push_back({name, StoredType::f32, {2}, 0});
  }
  ShardedSafetensorsWriter writer(
      folder.path(), tensors, {{"format", "pt"}}, 16);
  for (const float value : {3.f, 2.f, 1.f}) {
    const float pair[] = {value, -value};
    writer.write(
        std::string(1, static_cast<char>('a' + static_cast<int>(value) - 1)),
        std::as_bytes(std::span(pair)));
  }
  writer.commit();
  EXPECT_TRUE(
      std::filesystem::exists(folder / "model-00001-of-00002.safetensors"));
  const auto file = open_sharded_safetensors(folder / kSafetensorsIndex);
  EXPECT_THAT(values_of<float>(*file, "a"), ElementsAre(1, -1));
  EXPECT_THAT(values_of<float>(*file, "b"), ElementsAre(2, -2));
  EXPECT_THAT(values_of<float>(*file, "c"), ElementsAre(3, -3));
  const auto index = nlohmann::json::parse(get(folder / kSafetensorsIndex));
  EXPECT_EQ(index["metadata"]["total_size"], 24);
}

TEST(ShardedSafetensorsWriter, WritesOneFileWhenThatIsEnough) {
  const TempFolder folder;
  ShardedSafetensorsWriter writer(
      folder.path(), {{"a", StoredType::u8, {1}, 0}}, {}, 16);
  writer.write("a", std::vector<std::byte>(1));
  writer.commit();
  EXPECT_TRUE(std::filesystem::exists(folder / kSafetensorsFile));
  EXPECT_FALSE(std::filesystem::exists(folder / kSafetensorsIndex));
}

TEST(ShardedSafetensorsWriter, GivesATensorAboveTheLimitAShardOfItsOwn) {
  const TempFolder folder;
  ShardedSafetensorsWriter writer(
      folder.path(),
      {{"a", StoredType::u8, {1}, 0}, {"b", StoredType::u8, {50}, 0}},
      {},
      16);
  writer.write("a", std::vector<std::byte>(1));
  writer.write("b", std::vector<std::byte>(50));
  writer.commit();
  EXPECT_EQ(
      open_sharded_safetensors(folder / kSafetensorsIndex)->tensors().size(),
      2u);
}

} // namespace
} // namespace octet
