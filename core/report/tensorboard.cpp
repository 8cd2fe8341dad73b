// Encoding of TensorBoard's event files.
#include "core/report/tensorboard.h"

#include <array>
#include <bit>
#include <chrono>
#include <cstring>

#include <unistd.h>

namespace octet {
namespace {

static_assert(std::endian::native == std::endian::little);

// Wire types of protobuf.
constexpr uint32_t kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

constexpr std::array<uint32_t, 256> crc_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f63b78u : 0u);
    }
    table[i] = crc;
  }
  return table;
}

template <typename Number>
void append_raw(std::string& out, Number number) {
  std::array<char, sizeof(Number)> bytes{};
  std::memcpy(bytes.data(), &number, sizeof(Number));
  out.append(bytes.data(), bytes.size());
}

void append_varint(std::string& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>((value & 0x7f) | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void append_key(std::string& out, uint32_t field, uint32_t wire_type) {
  append_varint(out, field << 3 | wire_type);
}

void append_bytes(std::string& out, uint32_t field, std::string_view bytes) {
  append_key(out, field, kBytes);
  append_varint(out, bytes.size());
  out.append(bytes);
}

double wall_time_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(now).count();
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<uint32_t, 256> kTable = crc_table();
  uint32_t crc = 0xffffffffu;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<uint8_t>(byte)) & 0xff];
  }
  return ~crc;
}

uint32_t masked_crc32c(std::string_view bytes) {
  return std::rotr(crc32c(bytes), 15) + 0xa282ead8u;
}

std::string tfrecord(std::string_view data) {
  std::string record;
  append_raw(record, static_cast<uint64_t>(data.size()));
  append_raw(record, masked_crc32c(record));
  record.append(data);
  append_raw(record, masked_crc32c(data));
  return record;
}

std::string version_event(double wall_time) {
  std::string event;
  append_key(event, 1, kFixed64); // Event.wall_time
  append_raw(event, wall_time);
  append_bytes(event, 3, "brain.Event:2"); // Event.file_version
  return event;
}

std::string scalar_event(
    double wall_time,
    int64_t step,
    std::string_view tag,
    float value) {
  std::string item;
  append_bytes(item, 1, tag); // Summary.Value.tag
  append_key(item, 2, kFixed32); // Summary.Value.simple_value
  append_raw(item, value);
  std::string summary;
  append_bytes(summary, 1, item); // Summary.value
  std::string event;
  append_key(event, 1, kFixed64); // Event.wall_time
  append_raw(event, wall_time);
  append_key(event, 2, kVarint); // Event.step
  append_varint(event, static_cast<uint64_t>(step));
  append_bytes(event, 5, summary); // Event.summary
  return event;
}

TensorBoardWriter::TensorBoardWriter(const std::filesystem::path& folder) {
  const double now = wall_time_now();
  std::array<char, 256> host{};
  ::gethostname(host.data(), host.size() - 1);
  const std::string name = "events.out.tfevents." +
      std::to_string(static_cast<int64_t>(now)) + "." + host.data() + "." +
      std::to_string(::getpid());
  file_ = std::make_unique<AppendFile>(folder / name);
  file_->write(tfrecord(version_event(now)));
}

void TensorBoardWriter::scalar(
    std::string_view tag,
    int64_t step,
    double value) {
  file_->write(tfrecord(
      scalar_event(wall_time_now(), step, tag, static_cast<float>(value))));
}

} // namespace octet
