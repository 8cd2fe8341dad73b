// One function a block type, in the terms of ggml-common.h. The order of the
// operations is part of the format: goldens pin every bit.
#include "core/io/gguf_blocks.h"

#include "core/io/stored_type.h"

#include <array>
#include <bit>
#include <cstring>

namespace octet {

namespace {

uint8_t byte_at(const std::byte* in, size_t i) {
  return static_cast<uint8_t>(in[i]);
}

float half_at(const std::byte* in) {
  uint16_t half;
  std::memcpy(&half, in, sizeof(half));
  return half_to_float(half);
}

// The 32-element types keep the low nibbles for the first half of the block
// and the high nibbles for the second.

// {half d; 16 nibble pairs}: y = d * (q - 8)
void q4_0(const std::byte* in, float* out) {
  const float d = half_at(in);
  for (size_t i = 0; i < 16; ++i) {
    const int pair = byte_at(in, 2 + i);
    out[i] = d * static_cast<float>((pair & 15) - 8);
    out[i + 16] = d * static_cast<float>((pair >> 4) - 8);
  }
}

// {half d; half m; 16 nibble pairs}: y = d * q + m
void q4_1(const std::byte* in, float* out) {
  const float d = half_at(in);
  const float m = half_at(in + 2);
  for (size_t i = 0; i < 16; ++i) {
    const int pair = byte_at(in, 4 + i);
    out[i] = d * static_cast<float>(pair & 15) + m;
    out[i + 16] = d * static_cast<float>(pair >> 4) + m;
  }
}

// {half d; 32 fifth bits; 16 nibble pairs}: y = d * (q - 16)
void q5_0(const std::byte* in, float* out) {
  const float d = half_at(in);
  uint32_t high;
  std::memcpy(&high, in + 2, sizeof(high));
  for (size_t i = 0; i < 16; ++i) {
    const int pair = byte_at(in, 6 + i);
    const int first = static_cast<int>((high >> i) & 1) << 4;
    const int second = static_cast<int>((high >> (i + 16)) & 1) << 4;
    out[i] = d * static_cast<float>(((pair & 15) | first) - 16);
    out[i + 16] = d * static_cast<float>(((pair >> 4) | second) - 16);
  }
}

// {half d; half m; 32 fifth bits; 16 nibble pairs}: y = d * q + m
void q5_1(const std::byte* in, float* out) {
  const float d = half_at(in);
  const float m = half_at(in + 2);
  uint32_t high;
  std::memcpy(&high, in + 4, sizeof(high));
  for (size_t i = 0; i < 16; ++i) {
    const int pair = byte_at(in, 8 + i);
    const int first = static_cast<int>((high >> i) & 1) << 4;
    const int second = static_cast<int>((high >> (i + 16)) & 1) << 4;
    out[i] = d * static_cast<float>((pair & 15) | first) + m;
    out[i + 16] = d * static_cast<float>((pair >> 4) | second) + m;
  }
}

// {half d; 32 int8}: y = d * q
void q8_0(const std::byte* in, float* out) {
  const float d = half_at(in);
  for (size_t i = 0; i < 32; ++i) {
    out[i] = d * static_cast<float>(static_cast<int8_t>(in[2 + i]));
  }
}

// Eight 6-bit scales and eight 6-bit minimums in 12 bytes: bytes 0-3 and 4-7
// hold the first four of each with the top bits of the last four, whose low
// bits are the nibbles of bytes 8-11.
struct ScalesAndMins {
  std::array<float, 8> scale, min;
};

ScalesAndMins unpack_scales(const std::byte* in, float d, float d_min) {
  ScalesAndMins result;
  for (size_t i = 0; i < 4; ++i) {
    const int scale = byte_at(in, i);
    const int min = byte_at(in, 4 + i);
    const int low = byte_at(in, 8 + i);
    result.scale[i] = d * static_cast<float>(scale & 63);
    result.min[i] = d_min * static_cast<float>(min & 63);
    result.scale[i + 4] =
        d * static_cast<float>((low & 15) | ((scale >> 2) & 48));
    result.min[i + 4] =
        d_min * static_cast<float>((low >> 4) | ((min >> 2) & 48));
  }
  return result;
}

// {half d; half d_min; 12 bytes scales; 128 nibble pairs}; each run of 32 bytes
// holds two sub-blocks of 32: y = (d * scale) * q - (d_min * min)
void q4_k(const std::byte* in, float* out) {
  const ScalesAndMins s = unpack_scales(in + 4, half_at(in), half_at(in + 2));
  const std::byte* quants = in + 16;
  for (size_t run = 0; run < 4; ++run) {
    for (size_t i = 0; i < 32; ++i) {
      const int pair = byte_at(quants, run * 32 + i);
      out[run * 64 + i] =
          s.scale[2 * run] * static_cast<float>(pair & 15) - s.min[2 * run];
      out[run * 64 + 32 + i] =
          s.scale[2 * run + 1] * static_cast<float>(pair >> 4) -
          s.min[2 * run + 1];
    }
  }
}

// As q4_k with 32 bytes of fifth bits before the nibbles: bit j of byte i
// belongs to element i of sub-block j.
void q5_k(const std::byte* in, float* out) {
  const ScalesAndMins s = unpack_scales(in + 4, half_at(in), half_at(in + 2));
  const std::byte* high = in + 16;
  const std::byte* quants = in + 48;
  for (size_t run = 0; run < 4; ++run) {
    const size_t first = 2 * run, second = 2 * run + 1;
    for (size_t i = 0; i < 32; ++i) {
      const int pair = byte_at(quants, run * 32 + i);
      const int bits = byte_at(high, i);
      const int a = (pair & 15) | (((bits >> first) & 1) << 4);
      const int b = (pair >> 4) | (((bits >> second) & 1) << 4);
      out[run * 64 + i] = s.scale[first] * static_cast<float>(a) - s.min[first];
      out[run * 64 + 32 + i] =
          s.scale[second] * static_cast<float>(b) - s.min[second];
    }
  }
}

// {128 bytes low nibbles; 64 bytes of two high bits; 16 int8 scales; half d};
// two runs of 128 elements, each four sub-blocks of 32 with two scales:
// y = (d * scale) * (q - 32)
void q6_k(const std::byte* in, float* out) {
  const float d = half_at(in + 208);
  for (size_t run = 0; run < 2; ++run) {
    const std::byte* low = in + run * 64;
    const std::byte* high = in + 128 + run * 32;
    const std::byte* scales = in + 192 + run * 8;
    for (size_t part = 0; part < 4; ++part) {
      const std::byte* nibbles = low + (part % 2) * 32;
      for (size_t half = 0; half < 2; ++half) {
        const float scale = d *
            static_cast<float>(static_cast<int8_t>(scales[part * 2 + half]));
        for (size_t i = half * 16; i < half * 16 + 16; ++i) {
          const int nibble = (byte_at(nibbles, i) >> (part / 2 * 4)) & 15;
          const int top = (byte_at(high, i) >> (part * 2)) & 3;
          out[run * 128 + part * 32 + i] =
              scale * static_cast<float>((nibble | (top << 4)) - 32);
        }
      }
    }
  }
}

template <void (*block)(const std::byte*, float*)>
void each_block(
    StoredType type,
    std::span<const std::byte> in,
    std::span<float> out) {
  const StoredTypeTraits& type_traits = traits(type);
  const size_t blocks = in.size() / type_traits.block_bytes;
  for (size_t i = 0; i < blocks; ++i) {
    block(
        in.data() + i * type_traits.block_bytes,
        out.data() + i * type_traits.block_elements);
  }
}

} // namespace

void dequantize_blocks(
    StoredType type,
    std::span<const std::byte> in,
    std::span<float> out) {
  switch (type) {
    case StoredType::q4_0:
      return each_block<q4_0>(type, in, out);
    case StoredType::q4_1:
      return each_block<q4_1>(type, in, out);
    case StoredType::q5_0:
      return each_block<q5_0>(type, in, out);
    case StoredType::q5_1:
      return each_block<q5_1>(type, in, out);
    case StoredType::q8_0:
      return each_block<q8_0>(type, in, out);
    case StoredType::q4_k:
      return each_block<q4_k>(type, in, out);
    case StoredType::q5_k:
      return each_block<q5_k>(type, in, out);
    case StoredType::q6_k:
      return each_block<q6_k>(type, in, out);
    default:
      return;
  }
}

} // namespace octet
