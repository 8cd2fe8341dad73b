// TensorBoard event files, written without TensorFlow: TFRecord framing with
// masked CRC32C around Event messages in protobuf's wire format.
//
// Sources: TensorFlow's record_writer (framing), event.proto and
// summary.proto (field numbers), RFC 3720 B.4 (CRC32C test vectors).
#pragma once

#include "core/report/append_file.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace octet {

/// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78).
uint32_t crc32c(std::string_view bytes);
/// The CRC as TFRecord stores it: rotated and offset, so that a CRC of data
/// that holds CRCs stays strong.
uint32_t masked_crc32c(std::string_view bytes);

/// One TFRecord: length, its CRC, the data, its CRC.
std::string tfrecord(std::string_view data);
/// The Event message that opens every file.
std::string version_event(double wall_time);
/// An Event message with one scalar.
std::string
scalar_event(double wall_time, int64_t step, std::string_view tag, float value);

class TensorBoardWriter {
 public:
  /// Starts a new file events.out.tfevents.<time>.<host>.<process> in
  /// `folder`; TensorBoard joins the files of one folder.
  explicit TensorBoardWriter(const std::filesystem::path& folder);
  void scalar(std::string_view tag, int64_t step, double value);

 private:
  std::unique_ptr<AppendFile> file_;
};

} // namespace octet
