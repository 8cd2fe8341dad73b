// Event files against TensorBoard's own writer (tools/golden/
// report_goldens.py) and CRC32C against the vectors of RFC 3720.
#include "core/report/tensorboard.h"

#include "core/base/problems.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <unistd.h>

namespace octet {
namespace {

std::string read_all(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string counted(int from, int step) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) {
    bytes.push_back(static_cast<char>(from + i * step));
  }
  return bytes;
}

TEST(TensorBoard, Crc32cGivesTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(counted(0, 0)), 0x8a9136aau);
  EXPECT_EQ(crc32c(counted(0xff, 0)), 0x62a8ab43u);
  EXPECT_EQ(crc32c(counted(0, 1)), 0x46dd794eu);
  EXPECT_EQ(crc32c(counted(31, -1)), 0x113fdb5cu);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

TEST(TensorBoard, BytesEqualThoseOfTensorBoardsWriter) {
  const std::string golden =
      read_all(OCTET_SOURCE_DIR "/tests/fixtures/report/events.tfevents");
  ASSERT_FALSE(golden.empty());
  const std::string ours = tfrecord(version_event(1700000000.25)) +
      tfrecord(scalar_event(1700000001.5, 1, "train/loss", 2.25f)) +
      tfrecord(scalar_event(
          1700000002.5, 300, "train/learning_rate", 1.9e-4f)) +
      tfrecord(scalar_event(
          1700000003.5, 5000000000, "eval/loss", std::nanf("")));
  EXPECT_EQ(ours, golden);
}

TEST(TensorBoard, WriterStartsWithTheVersionRecord) {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() /
      ("octet_tensorboard_" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  {
    TensorBoardWriter writer(folder);
    writer.scalar("train/loss", 7, 1.5);
  }
  const auto entry = *std::filesystem::directory_iterator(folder);
  const std::string name = entry.path().filename();
  const std::string bytes = read_all(entry.path());
  std::filesystem::remove_all(folder);
  EXPECT_EQ(name.rfind("events.out.tfevents.", 0), 0u);
  EXPECT_NE(bytes.find("brain.Event:2"), std::string::npos);
  EXPECT_NE(bytes.find("train/loss"), std::string::npos);
}

TEST(TensorBoard, MissingFolderIsAFailureThatNamesTheFile) {
  try {
    TensorBoardWriter writer("/nonexistent/folder");
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::failed);
    EXPECT_NE(
        std::string(failure.what()).find("/nonexistent/folder/events.out"),
        std::string::npos);
  }
}

} // namespace
} // namespace octet
