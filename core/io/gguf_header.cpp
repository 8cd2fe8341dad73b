// The parser of a GGUF header: every count is checked against the bytes that
// are left in the file before anything is allocated for it.
#include "core/io/gguf_header.h"

#include "core/base/problems.h"
#include "core/io/raise_about.h"
#include "core/io/stored_type.h"

#include <algorithm>
#include <cstring>
#include <limits>

namespace octet {

namespace {

constexpr size_t kFirstRead = size_t{1} << 16;
constexpr uint64_t kDefaultAlignment = 32;
constexpr int kMaxArrayDepth = 4;
constexpr uint32_t kMaxDimensions = 4;
// Arrays keep 32-bit places of their strings.
constexpr uint64_t kMaxHeader = std::numeric_limits<uint32_t>::max();

/// Bytes of one value; of variable ones, the least they can take.
size_t least_bytes(uint32_t type) {
  switch (type) {
    case kGgufUint8:
    case kGgufInt8:
    case kGgufBool:
      return 1;
    case kGgufUint16:
    case kGgufInt16:
      return 2;
    case kGgufUint32:
    case kGgufInt32:
    case kGgufFloat32:
      return 4;
    case kGgufUint64:
    case kGgufInt64:
    case kGgufFloat64:
    case kGgufString:
      return 8;
    case kGgufArray:
      return 12;
    default:
      return 0;
  }
}

struct GgmlType {
  uint32_t number;
  const char* name;
  std::optional<StoredType> type;
};

// ggml's numbers; those without a StoredType are known but not readable.
const std::vector<GgmlType>& ggml_types() {
  using enum StoredType;
  static const std::vector<GgmlType> kTypes = {
      {0, "F32", f32},    {1, "F16", f16},     {2, "Q4_0", q4_0},
      {3, "Q4_1", q4_1},  {6, "Q5_0", q5_0},   {7, "Q5_1", q5_1},
      {8, "Q8_0", q8_0},  {9, "Q8_1", {}},     {10, "Q2_K", {}},
      {11, "Q3_K", {}},   {12, "Q4_K", q4_k},  {13, "Q5_K", q5_k},
      {14, "Q6_K", q6_k}, {15, "Q8_K", {}},    {16, "IQ2_XXS", {}},
      {17, "IQ2_XS", {}}, {18, "IQ3_XXS", {}}, {19, "IQ1_S", {}},
      {20, "IQ4_NL", {}}, {21, "IQ3_S", {}},   {22, "IQ2_S", {}},
      {23, "IQ4_XS", {}}, {24, "I8", i8},      {25, "I16", i16},
      {26, "I32", i32},   {27, "I64", i64},    {28, "F64", f64},
      {29, "IQ1_M", {}},  {30, "BF16", bf16},  {34, "TQ1_0", {}},
      {35, "TQ2_0", {}},  {39, "MXFP4", {}},
  };
  return kTypes;
}

StoredType stored_type(uint32_t number, const std::string& tensor) {
  const char* name = nullptr;
  std::vector<std::string> readable;
  for (const GgmlType& type : ggml_types()) {
    if (type.number == number) {
      if (type.type) {
        return *type.type;
      }
      name = type.name;
    }
    if (type.type) {
      readable.push_back(type.name);
    }
  }
  throw Failure(
      ExitCode::input,
      "gguf",
      "expected a readable type for tensor " + tensor + " (" +
          join_names(readable) + "), found " +
          (name ? std::string(name) : "type number " + std::to_string(number)) +
          "; use a file quantized to one of those");
}

} // namespace

void GgufHeader::fail(const std::string& what) const {
  throw Failure(
      ExitCode::input, "gguf", what + " (" + file_.path().string() + ")");
}

void GgufHeader::need(uint64_t count, const std::string& what) {
  if (count > left()) {
    fail(
        "expected " + what + " of " + std::to_string(count) +
        " bytes at byte " + std::to_string(position_) +
        ", found the end of the file " + std::to_string(left()) +
        " bytes on: the file is cut off or damaged; fetch it again");
  }
  const size_t end = position_ + count;
  if (end > kMaxHeader) {
    fail("expected a header under 4 GiB, found a longer one");
  }
  if (end > file_.header_.size()) {
    const size_t before = file_.header_.size();
    const size_t wanted = std::max({end, 2 * before, kFirstRead});
    file_.header_.resize(std::min(wanted, file_.file_.size()));
    file_.file_.read(
        before,
        std::as_writable_bytes(std::span(file_.header_).subspan(before)));
  }
}

template <typename T>
T GgufHeader::number(const std::string& what) {
  need(sizeof(T), what);
  T result;
  std::memcpy(&result, file_.header_.data() + position_, sizeof(T));
  position_ += sizeof(T);
  return result;
}

std::string GgufHeader::text(const std::string& what) {
  const auto length = number<uint64_t>("the length of " + what);
  need(length, what);
  std::string result = file_.header_.substr(position_, length);
  position_ += length;
  return result;
}

void GgufHeader::skip_string(const std::string& what) {
  const auto length = number<uint64_t>(what);
  need(length, what);
  position_ += length;
}

GgufArray GgufHeader::array(const std::string& key, int depth) {
  const std::string what = "array " + key;
  GgufArray result;
  result.header_ = &file_.header_;
  result.key_ = key;
  result.type_ = number<uint32_t>(what);
  const auto count = number<uint64_t>(what);
  const size_t each = least_bytes(result.type_);
  if (each == 0) {
    fail(
        "expected a known element type in metadata array " + key +
        ", found type number " + std::to_string(result.type_));
  }
  if (count > left() / each) {
    fail(
        "expected metadata array " + key + " to fit into the " +
        std::to_string(left()) + " bytes left, found a count of " +
        std::to_string(count));
  }
  result.count_ = count;
  result.begin_ = position_;
  if (result.type_ == kGgufString) {
    result.offsets_.reserve(count);
    for (uint64_t i = 0; i < count; ++i) {
      const size_t at = position_;
      skip_string(what);
      result.offsets_.push_back(static_cast<uint32_t>(at));
    }
  } else if (result.type_ == kGgufArray) {
    // Nothing reads arrays of arrays; they are stepped over.
    if (depth == kMaxArrayDepth) {
      fail("expected arrays nested less deep in metadata key " + key);
    }
    for (uint64_t i = 0; i < count; ++i) {
      array(key, depth + 1);
    }
  } else {
    need(count * each, what);
    position_ += count * each;
  }
  return result;
}

GgufValue GgufHeader::value(uint32_t type, const std::string& key) {
  const std::string what = "the value of metadata key " + key;
  switch (type) {
    case kGgufUint8:
      return int64_t{number<uint8_t>(what)};
    case kGgufInt8:
      return int64_t{number<int8_t>(what)};
    case kGgufUint16:
      return int64_t{number<uint16_t>(what)};
    case kGgufInt16:
      return int64_t{number<int16_t>(what)};
    case kGgufUint32:
      return int64_t{number<uint32_t>(what)};
    case kGgufInt32:
      return int64_t{number<int32_t>(what)};
    case kGgufInt64:
      return number<int64_t>(what);
    case kGgufUint64: {
      const auto wide = number<uint64_t>(what);
      if (wide > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
        fail(
            "expected less than 2^63 for metadata key " + key + ", found " +
            std::to_string(wide));
      }
      return static_cast<int64_t>(wide);
    }
    case kGgufFloat32:
      return static_cast<double>(number<float>(what));
    case kGgufFloat64:
      return number<double>(what);
    case kGgufBool: {
      const auto flag = number<uint8_t>(what);
      if (flag > 1) {
        fail(
            "expected 0 or 1 for the boolean metadata key " + key + ", found " +
            std::to_string(flag));
      }
      return flag == 1;
    }
    case kGgufString:
      return text(what);
    case kGgufArray:
      return array(key, 0);
    default:
      fail(
          "expected a known type for metadata key " + key +
          ", found type number " + std::to_string(type));
  }
}

void GgufHeader::metadata(uint64_t count) {
  // A key, its type and one byte are the least an entry takes.
  if (count > left() / 13) {
    fail(
        "expected metadata that fits into the file, found a count of " +
        std::to_string(count) + " entries");
  }
  for (uint64_t i = 0; i < count; ++i) {
    const std::string key = text("metadata key " + std::to_string(i));
    const auto type = number<uint32_t>("the type of metadata key " + key);
    if (!file_.metadata_.emplace(key, value(type, key)).second) {
      fail("expected every metadata key once, found " + key + " twice");
    }
  }
}

void GgufHeader::tensor_info(size_t index) {
  TensorInfo info;
  info.name = text("the name of tensor " + std::to_string(index));
  const auto dimensions = number<uint32_t>("the shape of tensor " + info.name);
  if (dimensions > kMaxDimensions) {
    fail(
        "expected at most 4 dimensions of tensor " + info.name + ", found " +
        std::to_string(dimensions));
  }
  for (uint32_t i = 0; i < dimensions; ++i) {
    const auto size = number<uint64_t>("the shape of tensor " + info.name);
    if (size == 0 ||
        size > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      fail(
          "expected a positive size in the shape of tensor " + info.name +
          ", found " + std::to_string(size));
    }
    info.shape.insert(info.shape.begin(), static_cast<int64_t>(size));
  }
  const auto type = number<uint32_t>("the type of tensor " + info.name);
  const auto offset = number<uint64_t>("the offset of tensor " + info.name);
  info.type = stored_type(type, info.name);
  const std::optional<size_t> bytes = stored_bytes(info.type, info.shape);
  if (!bytes) {
    fail(
        "expected a shape of tensor " + info.name + " whose rows are whole " +
        traits(info.type).name +
        " blocks and whose size fits into memory, "
        "found " +
        shape_text(info.shape));
  }
  info.bytes = *bytes;
  file_.offsets_[info.name] = offset;
  const std::string name = info.name;
  if (!file_.tensors_.emplace(name, std::move(info)).second) {
    fail("expected every tensor once, found " + name + " twice");
  }
}

void GgufHeader::tensor_infos(uint64_t count) {
  // Name length, dimension count, type and offset are the least.
  if (count > left() / 24) {
    fail(
        "expected tensors that fit into the file, found a count of " +
        std::to_string(count));
  }
  for (uint64_t i = 0; i < count; ++i) {
    tensor_info(i);
  }
}

void GgufHeader::place_tensors() {
  const auto alignment = static_cast<uint64_t>(
      file_.find_integer("general.alignment").value_or(kDefaultAlignment));
  if (alignment == 0 || (alignment & (alignment - 1)) != 0 ||
      alignment > (uint64_t{1} << 30)) {
    fail(
        "expected a power of two for general.alignment, found " +
        std::to_string(alignment));
  }
  const size_t data = (position_ + alignment - 1) / alignment * alignment;
  const size_t available =
      data < file_.file_.size() ? file_.file_.size() - data : 0;
  Problems problems;
  std::vector<std::pair<size_t, const TensorInfo*>> order;
  for (auto& [name, offset] : file_.offsets_) {
    const TensorInfo& info = file_.tensors_.at(name);
    if (offset % alignment != 0) {
      problems.add(
          "expected the offset of tensor " + name + " to be a multiple of " +
          std::to_string(alignment) + ", found " + std::to_string(offset));
    } else if (offset > available || info.bytes > available - offset) {
      problems.add(
          "expected tensor " + name + " (" + std::to_string(info.bytes) +
          " bytes at offset " + std::to_string(offset) +
          ") within the file's " + std::to_string(available) +
          " bytes of tensor data; the file is cut off or damaged: fetch it "
          "again");
    } else {
      order.emplace_back(offset, &info);
    }
    offset += data;
  }
  std::sort(order.begin(), order.end());
  for (size_t i = 1; i < order.size(); ++i) {
    const auto& [before, first] = order[i - 1];
    if (before + first->bytes > order[i].first) {
      problems.add(
          "expected tensors side by side, found " + first->name + " and " +
          order[i].second->name + " overlapping at offset " +
          std::to_string(order[i].first));
    }
  }
  raise_about(problems, "gguf", "cannot read " + file_.path().string());
}

void GgufHeader::parse() {
  need(24, "the head of a GGUF file");
  if (file_.header_.compare(0, 4, "GGUF") != 0) {
    fail("expected the magic bytes GGUF, found another kind of file");
  }
  position_ = 4;
  const auto version = number<uint32_t>("the version");
  if (version != 2 && version != 3) {
    const bool swapped = (version & 0xffffu) == 0;
    fail(
        "expected GGUF version 2 or 3, found " +
        (swapped ? "a big-endian file; convert it to little-endian"
                 : "version " + std::to_string(version) +
                 "; convert the model again with a current llama.cpp"));
  }
  const auto tensor_count = number<uint64_t>("the number of tensors");
  const auto metadata_count = number<uint64_t>("the number of metadata keys");
  metadata(metadata_count);
  // Arrays point into this text: from here on only its tail may be dropped.
  const size_t metadata_end = position_;
  tensor_infos(tensor_count);
  place_tensors();
  file_.header_.resize(metadata_end);
  file_.header_.shrink_to_fit();
}

} // namespace octet
