// The casts of a library against NVIDIA's cuda_fp8.h, byte for byte: the
// reference library's on the CPU, the real one's on a GPU.
#pragma once

#include "plugins/te/device.h"
#include "plugins/te/quantized.h"
#include "tests/plugins/te/cuda_casts.h"
#include "tests/plugins/te/te_fixture.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>

#include <utility>

namespace octet::te_testing {

/// FP8 copies of `values` as the plugin's recipes make them, with a scale of 1.
/// @returns its bytes on the CPU
inline te::Quantized cast_with_scale_one(
    const te::Library& library,
    const at::Tensor& values,
    te::abi::DType format,
    bool columnwise) {
  const auto options = values.options().dtype(at::kFloat);
  const at::Tensor scale = at::ones({1}, options);
  te::Quantized out =
      te::allocate(values, te::abi::kTensorScaling, format, columnwise);
  out.rowwise_scale_inv = at::empty({1}, options);
  if (columnwise) {
    out.columnwise_scale_inv = out.rowwise_scale_inv;
  }
  const te::Handle in(library, values);
  te::Handle handle(library, te::abi::kTensorScaling);
  te::fill(handle, out, /*swizzled=*/false);
  handle.set_scalar(te::abi::kScale, scale.data_ptr<float>());
  library.call(
      "nvte_quantize_v2",
      library.functions().quantize_v2,
      in.get(),
      handle.get(),
      te::abi::QuantizationConfig(nullptr),
      te::current_stream(values.device()));
  // On a GPU these copies wait for the cast.
  out.rowwise = out.rowwise.cpu();
  if (columnwise) {
    out.columnwise = out.columnwise.cpu();
  }
  return out;
}

/// All 65,536 bit patterns in order, again and again.
inline at::Tensor every_bf16(int64_t rows, int64_t columns) {
  at::Tensor values = at::empty({rows, columns}, at::kBFloat16);
  auto* bits = static_cast<uint16_t*>(values.data_ptr());
  for (int64_t i = 0; i < values.numel(); ++i) {
    bits[i] = static_cast<uint16_t>(i & 0xffff);
  }
  return values;
}

/// The first byte that differs fails the test.
/// @param values bf16 [M, K], on the CPU  @param found bytes [M, K]
inline void expect_bytes_of_cuda_fp8(
    const at::Tensor& values,
    const at::Tensor& found,
    bool e5m2) {
  ASSERT_EQ(found.sizes(), values.sizes());
  const at::Tensor bytes = found.contiguous();
  const auto count = static_cast<size_t>(values.numel());
  const auto* bits = static_cast<const uint16_t*>(values.const_data_ptr());
  std::vector<uint8_t> expected(count);
  cuda_cast_bf16(bits, count, e5m2, expected.data());
  const uint8_t* got = bytes.const_data_ptr<uint8_t>();
  for (size_t i = 0; i < count; ++i) {
    ASSERT_TRUE(same_fp8(got[i], expected[i], e5m2))
        << "bf16 bits " << bits[i] << ", element " << i << ": " << int(got[i])
        << " instead of " << int(expected[i]);
  }
}

/// Every bf16 value, alone and with the transposed copy, which are different
/// kernels, and so are whole tiles of 32 rows and those that end within one:
/// the plugin pads rows to a multiple of 16.
inline void expect_casts_of_cuda_fp8(
    const te::Library& library,
    const at::Device& device,
    bool e5m2) {
  const auto format = e5m2 ? te::abi::kFloat8E5M2 : te::abi::kFloat8E4M3;
  for (const auto& [rows, columns] :
       {std::pair<int64_t, int64_t>{256, 256}, {48, 1376}}) {
    const at::Tensor values = every_bf16(rows, columns);
    for (const bool columnwise : {false, true}) {
      SCOPED_TRACE(
          std::to_string(rows) + " rows, " + (e5m2 ? "E5M2" : "E4M3") +
          (columnwise ? ", with the columnwise copy" : ", rowwise only"));
      const te::Quantized cast =
          cast_with_scale_one(library, values.to(device), format, columnwise);
      expect_bytes_of_cuda_fp8(values, cast.rowwise, e5m2);
      if (columnwise) {
        SCOPED_TRACE("the columnwise copy itself");
        expect_bytes_of_cuda_fp8(values, cast.columnwise.t(), e5m2);
      }
    }
  }
}

} // namespace octet::te_testing
