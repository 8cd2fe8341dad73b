// The ops for a GPU against the references, which have tests of their own. On
// the CPU always; with a GPU also there, flash attention included
// (tools/gpu_check runs it so).
#include "core/ops/device.h"
#include "core/ops/reference.h"
#include "tests/core/ops/devices.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat));
}

/// ||a - b|| / ||b||, both from wherever they are.
double difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  EXPECT_EQ(a.scalar_type(), b.scalar_type());
  const at::Tensor x = a.cpu().to(at::kDouble), y = b.cpu().to(at::kDouble);
  return (at::linalg_vector_norm(x - y) / at::linalg_vector_norm(y))
      .item<double>();
}

struct Case {
  at::Device device;
  at::ScalarType dtype;

  /// What rounding leaves between two orders of the same arithmetic.
  double bound() const {
    return dtype == at::kFloat ? 2e-6 : 6e-3;
  }
  at::Tensor input(at::IntArrayRef shape, uint64_t seed) const {
    return random(shape, seed).to(dtype);
  }
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const at::Device& device : test_devices()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16}) {
      all.push_back({device, dtype});
    }
  }
  return all;
}

class DeviceOps : public ::testing::TestWithParam<Case> {
 protected:
  at::Tensor there(const at::Tensor& tensor) const {
    return tensor.to(GetParam().device);
  }
  void expect_near(const at::Tensor& found, const at::Tensor& expected) const {
    EXPECT_LT(difference(found, expected), GetParam().bound());
  }
};

TEST_P(DeviceOps, RmsNormIsTheReferences) {
  const Case& one = GetParam();
  const at::Tensor x = one.input({37, 96}, 1), grad = one.input({37, 96}, 2);
  const at::Tensor w = random({96}, 3).add_(1);
  Saved mine, its;
  const at::Tensor expected = reference_rms_norm()->forward(x, w, 1e-5, &its);
  expect_near(
      device_rms_norm()->forward(there(x), there(w), 1e-5, &mine), expected);
  at::Tensor grad_w = at::ones({96}), expected_w = at::ones({96});
  at::Tensor grad_w_there = there(grad_w);
  const at::Tensor expected_x =
      reference_rms_norm()->backward(grad, its, w, expected_w);
  expect_near(
      device_rms_norm()->backward(there(grad), mine, there(w), grad_w_there),
      expected_x);
  expect_near(grad_w_there, expected_w);
}

TEST_P(DeviceOps, RmsNormOfHeadsIsTheReferences) {
  const at::Tensor x = GetParam().input({9, 4, 16}, 1), w = random({16}, 2);
  expect_near(
      device_rms_norm()->forward(there(x), there(w), 1e-6, nullptr),
      reference_rms_norm()->forward(x, w, 1e-6, nullptr));
}

TEST_P(DeviceOps, SwigluIsTheReferences) {
  const Case& one = GetParam();
  const at::Tensor gate = one.input({33, 80}, 1), up = one.input({33, 80}, 2);
  const at::Tensor grad = one.input({33, 80}, 3);
  Saved mine, its;
  expect_near(
      device_swiglu()->forward(there(gate), there(up), &mine),
      reference_swiglu()->forward(gate, up, &its));
  const auto found = device_swiglu()->backward(there(grad), mine);
  const auto expected = reference_swiglu()->backward(grad, its);
  expect_near(found.first, expected.first);
  expect_near(found.second, expected.second);
}

TEST_P(DeviceOps, RopeIsTheReferencesBothWays) {
  const at::Tensor x = GetParam().input({21, 3, 16}, 1);
  const at::Tensor angle = random({21, 8}, 2);
  for (const bool inverse : {false, true}) {
    expect_near(
        device_rope()->apply(
            there(x), there(angle.cos()), there(angle.sin()), inverse),
        reference_rope()->apply(x, angle.cos(), angle.sin(), inverse));
  }
}

TEST_P(DeviceOps, AttentionIsTheReferences) {
  const Case& one = GetParam();
  for (const int64_t window : {0, 5}) {
    for (const int64_t shared : {1, 2}) {
      SCOPED_TRACE(::testing::Message() << window << " " << shared);
      const int64_t n = 40, h = 4, g = h / shared, d = 16;
      const at::Tensor q = one.input({n, h, d}, 1), k = one.input({n, g, d}, 2);
      const at::Tensor v = one.input({n, g, d}, 3);
      const at::Tensor grad = one.input({n, h, d}, 4);
      const AttentionShape shape{{0, 1, 18, n}, 0.25, window};
      Saved mine, its;
      expect_near(
          device_attention()->forward(
              there(q), there(k), there(v), shape, &mine),
          reference_attention()->forward(q, k, v, shape, &its));
      const auto found = device_attention()->backward(there(grad), mine, shape);
      const auto expected = reference_attention()->backward(grad, its, shape);
      expect_near(found.q, expected.q);
      expect_near(found.k, expected.k);
      expect_near(found.v, expected.v);
    }
  }
}

TEST_P(DeviceOps, CrossEntropyIsTheReferences) {
  const Case& one = GetParam();
  const at::Tensor logits = one.input({29, 101}, 1) * 4;
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(2);
  const at::Tensor targets = at::randint(0, 101, {29}, generator, at::kLong);
  const auto found = device_cross_entropy()->compute(
      there(logits.clone()), there(targets), /*want_grad=*/true, 0.125);
  const auto expected = reference_cross_entropy()->compute(
      logits.clone(), targets, /*want_grad=*/true, 0.125);
  EXPECT_NEAR(found.loss_sum, expected.loss_sum, 1e-5 * expected.loss_sum);
  expect_near(found.grad_logits, expected.grad_logits);
  const at::Tensor kept = there(logits.clone());
  const auto alone = device_cross_entropy()->compute(
      kept, there(targets), /*want_grad=*/false, 0.125);
  EXPECT_EQ(alone.loss_sum, found.loss_sum);
  EXPECT_FALSE(alone.grad_logits.defined());
}

TEST_P(DeviceOps, AdamwIsTheReferencesOverSeveralUpdates) {
  const at::Tensor start = random({50, 7}, 1);
  at::Tensor expected = start.clone(), found = there(start.clone());
  at::Tensor m = at::zeros({50, 7}), v = at::zeros({50, 7});
  at::Tensor m_there = there(m.clone()), v_there = there(v.clone());
  for (int64_t step = 1; step <= 5; ++step) {
    const at::Tensor grad = random({50, 7}, 10 + static_cast<uint64_t>(step));
    const AdamwOp::Settings settings{
        1e-2, 0.9, 0.999, 1e-8, 0.1, step, step % 2 == 0 ? 0.5 : 1};
    reference_adamw()->update(expected, grad, m, v, settings);
    device_adamw()->update(found, there(grad), m_there, v_there, settings);
  }
  EXPECT_LT(difference(found, expected), 2e-6);
  EXPECT_GT(difference(found, start), 1e-3);
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
  return (info.param.device.is_cpu() ? std::string("Cpu") : "Gpu") +
      (info.param.dtype == at::kFloat ? "Fp32" : "Bf16");
}

INSTANTIATE_TEST_SUITE_P(
    Here,
    DeviceOps,
    ::testing::ValuesIn(cases()),
    name_of);

} // namespace
} // namespace octet
