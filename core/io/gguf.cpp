// Access to a parsed GGUF file; gguf_header.cpp does the parsing.
#include "core/io/gguf.h"

#include "core/base/problems.h"
#include "core/io/gguf_header.h"

#include <cstring>

namespace octet {

namespace {

[[noreturn]] void wrong_kind(
    const std::string& key,
    const std::string& wanted,
    const GgufValue& found) {
  static constexpr const char* kKinds[] = {
      "a boolean", "an integer", "a real number", "a string", "an array"};
  throw Failure(
      ExitCode::input,
      "gguf",
      "expected " + wanted + " for metadata key " + key + ", found " +
          kKinds[found.index()]);
}

template <typename T>
T element(const std::string& header, size_t begin, size_t i) {
  T value;
  std::memcpy(&value, header.data() + begin + i * sizeof(T), sizeof(T));
  return value;
}

} // namespace

bool GgufArray::holds_strings() const {
  return type_ == kGgufString;
}

bool GgufArray::holds_integers() const {
  return gguf_is_integer(type_);
}

bool GgufArray::holds_reals() const {
  return type_ == kGgufFloat32 || type_ == kGgufFloat64;
}

bool GgufArray::holds_booleans() const {
  return type_ == kGgufBool;
}

std::string_view GgufArray::string(size_t i) const {
  if (!holds_strings() || i >= count_) {
    throw Failure(
        ExitCode::input,
        "gguf",
        "expected a string as element " + std::to_string(i) +
            " of metadata array " + key_ + ", found " +
            (i >= count_ ? "only " + std::to_string(count_) + " elements"
                         : "another type"));
  }
  const size_t at = offsets_[i];
  const uint64_t length = element<uint64_t>(*header_, at, 0);
  return std::string_view(*header_).substr(at + sizeof(length), length);
}

int64_t GgufArray::integer(size_t i) const {
  const std::string& header = *header_;
  if (i < count_) {
    switch (type_) {
      case kGgufUint8:
      case kGgufBool:
        return element<uint8_t>(header, begin_, i);
      case kGgufInt8:
        return element<int8_t>(header, begin_, i);
      case kGgufUint16:
        return element<uint16_t>(header, begin_, i);
      case kGgufInt16:
        return element<int16_t>(header, begin_, i);
      case kGgufUint32:
        return element<uint32_t>(header, begin_, i);
      case kGgufInt32:
        return element<int32_t>(header, begin_, i);
      case kGgufUint64:
      case kGgufInt64:
        return element<int64_t>(header, begin_, i);
      default:
        break;
    }
  }
  throw Failure(
      ExitCode::input,
      "gguf",
      "expected an integer as element " + std::to_string(i) +
          " of metadata array " + key_ + ", found " +
          (i >= count_ ? "only " + std::to_string(count_) + " elements"
                       : "another type"));
}

double GgufArray::real(size_t i) const {
  if (i < count_ && type_ == kGgufFloat32) {
    return static_cast<double>(element<float>(*header_, begin_, i));
  }
  if (i < count_ && type_ == kGgufFloat64) {
    return element<double>(*header_, begin_, i);
  }
  return static_cast<double>(integer(i));
}

GgufFile::GgufFile(const std::filesystem::path& path) : file_(path, "gguf") {}

std::shared_ptr<const GgufFile> GgufFile::open(
    const std::filesystem::path& path) {
  std::shared_ptr<GgufFile> file(new GgufFile(path));
  GgufHeader(*file).parse();
  return file;
}

std::optional<std::string> GgufFile::find_string(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return std::nullopt;
  }
  if (const auto* text = std::get_if<std::string>(&found->second)) {
    return *text;
  }
  wrong_kind(key, "a string", found->second);
}

std::optional<int64_t> GgufFile::find_integer(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return std::nullopt;
  }
  if (const auto* integer = std::get_if<int64_t>(&found->second)) {
    return *integer;
  }
  wrong_kind(key, "an integer", found->second);
}

std::optional<double> GgufFile::find_real(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return std::nullopt;
  }
  if (const auto* real = std::get_if<double>(&found->second)) {
    return *real;
  }
  if (const auto* integer = std::get_if<int64_t>(&found->second)) {
    return static_cast<double>(*integer);
  }
  wrong_kind(key, "a number", found->second);
}

std::optional<bool> GgufFile::find_boolean(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return std::nullopt;
  }
  if (const auto* boolean = std::get_if<bool>(&found->second)) {
    return *boolean;
  }
  wrong_kind(key, "a boolean", found->second);
}

const GgufArray* GgufFile::find_array(const std::string& key) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) {
    return nullptr;
  }
  if (const auto* array = std::get_if<GgufArray>(&found->second)) {
    return array;
  }
  wrong_kind(key, "an array", found->second);
}

void GgufFile::read(
    const std::string& name,
    size_t offset,
    std::span<std::byte> out) const {
  const auto info = tensors_.find(name);
  if (info == tensors_.end()) {
    throw Failure(
        ExitCode::input,
        "gguf",
        "expected tensor " + name + " in " + path().string() +
            ", found none of that name");
  }
  if (offset > info->second.bytes || out.size() > info->second.bytes - offset) {
    throw Failure(
        ExitCode::failed,
        "gguf",
        "expected a range within the " + std::to_string(info->second.bytes) +
            " bytes of tensor " + name + ", got " + std::to_string(out.size()) +
            " bytes at " + std::to_string(offset));
  }
  file_.read(offsets_.at(name) + offset, out);
}

} // namespace octet
