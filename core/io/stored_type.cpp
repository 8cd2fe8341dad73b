// Sizes with overflow checks, and plain conversions to fp32.
#include "core/io/stored_type.h"

#include "core/base/problems.h"
#include "core/io/gguf_blocks.h"

#include <bit>
#include <cstring>
#include <limits>

namespace octet {

const StoredTypeTraits& traits(StoredType type) {
  // In the order of the enumeration.
  static constexpr StoredTypeTraits kTraits[] = {
      {"fp64", 1, 8},     {"fp32", 1, 4},     {"fp16", 1, 2},
      {"bf16", 1, 2},     {"int64", 1, 8},    {"int32", 1, 4},
      {"int16", 1, 2},    {"int8", 1, 1},     {"uint8", 1, 1},
      {"bool", 1, 1},     {"fp8_e4m3", 1, 1}, {"fp8_e5m2", 1, 1},
      {"Q4_0", 32, 18},   {"Q4_1", 32, 20},   {"Q5_0", 32, 22},
      {"Q5_1", 32, 24},   {"Q8_0", 32, 34},   {"Q4_K", 256, 144},
      {"Q5_K", 256, 176}, {"Q6_K", 256, 210},
  };
  return kTraits[static_cast<size_t>(type)];
}

bool is_quantized(StoredType type) {
  return traits(type).block_elements > 1;
}

std::optional<size_t> element_count(const std::vector<int64_t>& shape) {
  size_t count = 1;
  for (const int64_t size : shape) {
    if (size < 0 ||
        __builtin_mul_overflow(count, static_cast<size_t>(size), &count)) {
      return std::nullopt;
    }
  }
  return count;
}

std::optional<size_t> stored_bytes(
    StoredType type,
    const std::vector<int64_t>& shape) {
  const StoredTypeTraits& type_traits = traits(type);
  const std::optional<size_t> elements = element_count(shape);
  if (!elements) {
    return std::nullopt;
  }
  if (type_traits.block_elements > 1) {
    const size_t row = shape.empty() ? 1 : static_cast<size_t>(shape.back());
    if (row % type_traits.block_elements != 0) {
      return std::nullopt;
    }
  }
  size_t bytes = 0;
  if (__builtin_mul_overflow(
          *elements / type_traits.block_elements,
          type_traits.block_bytes,
          &bytes)) {
    return std::nullopt;
  }
  return bytes;
}

std::string shape_text(const std::vector<int64_t>& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t exponent = (half >> 10) & 0x1fu;
  const uint32_t mantissa = half & 0x3ffu;
  if (exponent == 0) {
    // Zero and subnormals: mantissa * 2^-24, exact in fp32.
    const float value = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  const uint32_t wide = exponent == 0x1f ? 0xffu : exponent + 112u;
  return std::bit_cast<float>(sign | (wide << 23) | (mantissa << 13));
}

float e4m3_to_float(uint8_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x80u) << 24;
  const uint32_t exponent = (code >> 3) & 0xfu;
  const uint32_t mantissa = code & 0x7u;
  if (exponent == 0) {
    // Zero and subnormals: mantissa * 2^-9.
    const float value = static_cast<float>(mantissa) * 0x1p-9f;
    return std::bit_cast<float>(std::bit_cast<uint32_t>(value) | sign);
  }
  if (exponent == 0xf && mantissa == 0x7) {
    return std::bit_cast<float>(sign | 0x7fc00000u);
  }
  return std::bit_cast<float>(
      sign | ((exponent + 120u) << 23) | (mantissa << 20));
}

float e5m2_to_float(uint8_t code) {
  return half_to_float(static_cast<uint16_t>(code << 8));
}

namespace {

template <typename Stored, typename Convert>
void convert_each(
    std::span<const std::byte> in,
    std::span<float> out,
    Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored value;
    std::memcpy(&value, in.data() + i * sizeof(Stored), sizeof(Stored));
    out[i] = convert(value);
  }
}

} // namespace

void to_float(
    StoredType type,
    std::span<const std::byte> in,
    std::span<float> out) {
  const StoredTypeTraits& type_traits = traits(type);
  if (in.size() / type_traits.block_bytes * type_traits.block_elements !=
          out.size() ||
      in.size() % type_traits.block_bytes != 0) {
    throw Failure(
        ExitCode::failed,
        "io",
        "expected bytes of " + std::to_string(out.size()) + " values of type " +
            type_traits.name + ", got " + std::to_string(in.size()) + " bytes");
  }
  if (is_quantized(type)) {
    dequantize_blocks(type, in, out);
    return;
  }
  switch (type) {
    case StoredType::f64:
      convert_each<double>(
          in, out, [](double value) { return static_cast<float>(value); });
      return;
    case StoredType::f32:
      std::memcpy(out.data(), in.data(), in.size());
      return;
    case StoredType::f16:
      convert_each<uint16_t>(in, out, half_to_float);
      return;
    case StoredType::bf16:
      convert_each<uint16_t>(in, out, [](uint16_t value) {
        return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
      });
      return;
    case StoredType::f8_e4m3:
      convert_each<uint8_t>(in, out, e4m3_to_float);
      return;
    case StoredType::f8_e5m2:
      convert_each<uint8_t>(in, out, e5m2_to_float);
      return;
    default:
      throw Failure(
          ExitCode::input,
          "io",
          std::string("expected real numbers, found type ") + type_traits.name +
              "; weights can be fp64, fp32, fp16, bf16, fp8 or GGUF blocks");
  }
}

} // namespace octet
