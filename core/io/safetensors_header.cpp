// The JSON header is read event by event: a header that is not what it should
// be is refused where it stops being so, before a tree of it could be built.
#include "core/io/safetensors_header.h"

#include "core/base/problems.h"
#include "core/io/raise_about.h"
#include "core/io/stored_type.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

namespace octet {

namespace {

struct DtypeName {
  const char* name;
  StoredType type;
};

// In the order in which the reference implementation lays tensors out.
constexpr std::array<DtypeName, 12> kDtypes = {{
    {"I64", StoredType::i64},
    {"F64", StoredType::f64},
    {"F32", StoredType::f32},
    {"I32", StoredType::i32},
    {"BF16", StoredType::bf16},
    {"F16", StoredType::f16},
    {"I16", StoredType::i16},
    {"F8_E4M3", StoredType::f8_e4m3},
    {"F8_E5M2", StoredType::f8_e5m2},
    {"I8", StoredType::i8},
    {"U8", StoredType::u8},
    {"BOOL", StoredType::boolean},
}};

constexpr size_t kMaxDimensions = 16;

class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  HeaderEvents(std::string origin, SafetensorsHeader& header)
      : origin_(std::move(origin)), header_(header) {}

  bool start_object(size_t) override {
    switch (at_) {
      case At::start:
        at_ = At::root;
        return true;
      case At::entry_value:
        at_ = name_ == "__metadata__" ? At::metadata : At::entry;
        return true;
      default:
        return unexpected("an object");
    }
  }

  bool end_object() override {
    if (at_ == At::root) {
      at_ = At::end;
    } else if (at_ == At::metadata) {
      at_ = At::root;
    } else {
      finish_entry();
      at_ = At::root;
    }
    return true;
  }

  bool key(std::string& key) override {
    switch (at_) {
      case At::root:
        if (header_.tensors.contains(key) ||
            (key == "__metadata__" && saw_metadata_)) {
          fail("expected every name once, found \"" + key + "\" twice");
        }
        name_ = key;
        saw_metadata_ = saw_metadata_ || key == "__metadata__";
        dtype_.reset();
        shape_.reset();
        offsets_.reset();
        at_ = At::entry_value;
        return true;
      case At::metadata:
        if (header_.metadata.contains(key)) {
          fail(
              "expected every key of __metadata__ once, found \"" + key +
              "\" twice");
        }
        header_.metadata[key] = "";
        key_ = key;
        at_ = At::metadata_value;
        return true;
      default:
        entry_key(key);
        return true;
    }
  }

  bool string(std::string& value) override {
    if (at_ == At::metadata_value) {
      header_.metadata[key_] = value;
      at_ = At::metadata;
      return true;
    }
    if (at_ != At::dtype_value) {
      return unexpected("the string \"" + value.substr(0, 40) + "\"");
    }
    for (const DtypeName& dtype : kDtypes) {
      if (value == dtype.name) {
        dtype_ = dtype.type;
        at_ = At::entry;
        return true;
      }
    }
    std::vector<std::string> known;
    for (const DtypeName& dtype : kDtypes) {
      known.push_back(dtype.name);
    }
    fail(
        "expected dtype " + join_names(known) + " for tensor " + name_ +
        ", found \"" + value.substr(0, 40) + "\"");
  }

  bool start_array(size_t) override {
    if (at_ == At::shape_value) {
      at_ = At::shape;
      shape_.emplace();
      return true;
    }
    if (at_ == At::offsets_value) {
      at_ = At::offsets;
      offsets_.emplace();
      return true;
    }
    return unexpected("an array");
  }

  bool end_array() override {
    at_ = At::entry;
    return true;
  }

  bool number_unsigned(uint64_t value) override {
    if (at_ == At::shape) {
      if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) ||
          shape_->size() == kMaxDimensions) {
        fail(
            "expected at most " + std::to_string(kMaxDimensions) +
            " dimensions under 2^63 in the shape of tensor " + name_);
      }
      shape_->push_back(static_cast<int64_t>(value));
      return true;
    }
    if (at_ == At::offsets) {
      if (offsets_->size() == 2) {
        fail("expected two data_offsets of tensor " + name_ + ", found more");
      }
      offsets_->push_back(value);
      return true;
    }
    return unexpected("the number " + std::to_string(value));
  }

  bool number_integer(int64_t value) override {
    return unexpected("the number " + std::to_string(value));
  }
  bool number_float(double, const std::string& text) override {
    return unexpected("the number " + text.substr(0, 40));
  }
  bool null() override {
    return unexpected("null");
  }
  bool boolean(bool value) override {
    return unexpected(value ? "true" : "false");
  }
  bool binary(nlohmann::json::binary_t&) override {
    return unexpected("binary data");
  }

  bool parse_error(
      size_t position,
      const std::string&,
      const nlohmann::detail::exception&) override {
    fail(
        "expected a JSON object as header, found broken JSON at byte " +
        std::to_string(position + 7));
  }

 private:
  enum class At {
    start,
    root,
    entry_value,
    entry,
    dtype_value,
    shape_value,
    shape,
    offsets_value,
    offsets,
    metadata,
    metadata_value,
    end
  };

  [[noreturn]] void fail(const std::string& what) const {
    throw Failure(
        ExitCode::input,
        "safetensors",
        what + " (" + origin_ + "); the file is damaged: fetch it again");
  }

  [[noreturn]] bool unexpected(const std::string& found) const {
    switch (at_) {
      case At::start:
        fail("expected a JSON object as header, found " + found);
      case At::entry_value:
        fail("expected an object for \"" + name_ + "\", found " + found);
      case At::dtype_value:
        fail(
            "expected a string as dtype of tensor " + name_ + ", found " +
            found);
      case At::shape_value:
      case At::shape:
        fail(
            "expected whole numbers >= 0 as shape of tensor " + name_ +
            ", found " + found);
      case At::offsets_value:
      case At::offsets:
        fail(
            "expected two whole numbers >= 0 as data_offsets of tensor " +
            name_ + ", found " + found);
      default:
        fail(
            "expected a string for \"" + key_ + "\" of __metadata__, found " +
            found);
    }
  }

  void entry_key(const std::string& key) {
    const bool twice = (key == "dtype" && dtype_) ||
        (key == "shape" && shape_) || (key == "data_offsets" && offsets_);
    if (twice) {
      fail(
          "expected every key once, found \"" + key + "\" of tensor " + name_ +
          " twice");
    }
    if (key == "dtype") {
      at_ = At::dtype_value;
    } else if (key == "shape") {
      at_ = At::shape_value;
    } else if (key == "data_offsets") {
      at_ = At::offsets_value;
    } else {
      fail(
          "expected dtype, shape and data_offsets of tensor " + name_ +
          ", found \"" + key.substr(0, 40) + "\"");
    }
  }

  void finish_entry() {
    if (!dtype_ || !shape_ || !offsets_ || offsets_->size() != 2) {
      fail(
          "expected dtype, shape and two data_offsets of tensor " + name_ +
          ", found " +
          (!dtype_       ? "no dtype"
               : !shape_ ? "no shape"
                         : "fewer data_offsets"));
    }
    TensorInfo info{name_, *dtype_, *shape_, 0};
    const std::optional<size_t> bytes = stored_bytes(*dtype_, *shape_);
    if (!bytes) {
      fail(
          "expected a shape of tensor " + name_ +
          " that fits into memory, "
          "found " +
          shape_text(*shape_));
    }
    const uint64_t begin = (*offsets_)[0], end = (*offsets_)[1];
    if (begin > end || end - begin != *bytes) {
      fail(
          "expected data_offsets of tensor " + name_ + " that span the " +
          std::to_string(*bytes) + " bytes of its dtype and shape " +
          shape_text(*shape_) + ", found " + std::to_string(begin) + " to " +
          std::to_string(end));
    }
    info.bytes = *bytes;
    header_.offsets[name_] = begin;
    header_.tensors[name_] = std::move(info);
  }

  std::string origin_;
  SafetensorsHeader& header_;
  At at_ = At::start;
  bool saw_metadata_ = false;
  std::string name_, key_;
  std::optional<StoredType> dtype_;
  std::optional<std::vector<int64_t>> shape_;
  std::optional<std::vector<uint64_t>> offsets_;
};

void check_coverage(
    const SafetensorsHeader& header,
    size_t data_bytes,
    const std::string& origin) {
  std::vector<std::pair<size_t, const TensorInfo*>> order;
  for (const auto& [name, info] : header.tensors) {
    order.emplace_back(header.offsets.at(name), &info);
  }
  // An empty tensor may stand where the next one begins.
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first, a.second->bytes) <
        std::pair(b.first, b.second->bytes);
  });
  Problems problems;
  size_t expected = 0;
  std::string before = "the header";
  for (const auto& [begin, info] : order) {
    if (begin < expected) {
      problems.add(
          "expected tensors side by side, found " + info->name +
          " overlapping " + before);
    } else if (begin > expected) {
      problems.add(
          "expected tensors side by side, found a hole of " +
          std::to_string(begin - expected) + " bytes before " + info->name);
    }
    expected = std::max(expected, begin + info->bytes);
    before = info->name;
  }
  if (expected != data_bytes) {
    problems.add(
        "expected " + std::to_string(expected) +
        " bytes of tensor data after the header, found " +
        std::to_string(data_bytes) + "; the file is " +
        (expected > data_bytes ? "cut off" : "too long") + ": fetch it again");
  }
  raise_about(problems, "safetensors", "cannot read " + origin);
}

} // namespace

const char* safetensors_dtype(StoredType type) {
  for (const DtypeName& dtype : kDtypes) {
    if (dtype.type == type) {
      return dtype.name;
    }
  }
  return nullptr;
}

size_t safetensors_rank(StoredType type) {
  size_t rank = 0;
  while (rank < kDtypes.size() && kDtypes[rank].type != type) {
    ++rank;
  }
  return rank;
}

SafetensorsHeader parse_safetensors_header(
    std::string_view text,
    size_t data_bytes,
    const std::string& origin) {
  SafetensorsHeader header;
  HeaderEvents events(origin, header);
  // The format wants the brace first; JSON parsers would skip spaces.
  if (!text.starts_with('{')) {
    throw Failure(
        ExitCode::input,
        "safetensors",
        "expected \"{\" as first byte of the header of " + origin +
            ", found something else; this is no safetensors file");
  }
  nlohmann::json::sax_parse(text, &events);
  check_coverage(header, data_bytes, origin);
  return header;
}

} // namespace octet
