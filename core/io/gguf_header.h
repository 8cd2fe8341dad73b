// The parser of a GGUF header (private to core/io).
#pragma once

#include "core/io/gguf.h"

#include <cstdint>
#include <string>

namespace octet {

// Type numbers of metadata values, as the format defines them.
enum GgufType : uint32_t {
  kGgufUint8 = 0,
  kGgufInt8 = 1,
  kGgufUint16 = 2,
  kGgufInt16 = 3,
  kGgufUint32 = 4,
  kGgufInt32 = 5,
  kGgufFloat32 = 6,
  kGgufBool = 7,
  kGgufString = 8,
  kGgufArray = 9,
  kGgufUint64 = 10,
  kGgufInt64 = 11,
  kGgufFloat64 = 12,
};

inline bool gguf_is_integer(uint32_t type) {
  return type <= kGgufInt32 || type == kGgufUint64 || type == kGgufInt64;
}

/// Reads the header of `file` front to back, in pieces as they are needed.
class GgufHeader {
 public:
  explicit GgufHeader(GgufFile& file) : file_(file) {}
  /// @throws Failure(input)
  void parse();

 private:
  [[noreturn]] void fail(const std::string& what) const;
  /// Makes the next `count` bytes available. @param what for the message
  void need(uint64_t count, const std::string& what);
  template <typename T>
  T number(const std::string& what);
  std::string text(const std::string& what);
  void skip_string(const std::string& what);
  GgufValue value(uint32_t type, const std::string& key);
  GgufArray array(const std::string& key, int depth);
  void metadata(uint64_t count);
  void tensor_infos(uint64_t count);
  void tensor_info(size_t index);
  void place_tensors();
  size_t left() const {
    return file_.file_.size() - position_;
  }

  GgufFile& file_;
  size_t position_ = 0;
};

} // namespace octet
