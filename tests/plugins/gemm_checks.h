// What any precision backend's Gemm must do, as checks its tests call.
#pragma once

#include <octet/precision.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <memory>

namespace octet::testing {

class FixedWeight : public WeightSource {
 public:
  FixedWeight(at::Tensor value, bool frozen)
      : value_(std::move(value)), frozen_(frozen) {}
  at::Tensor materialize(at::ScalarType dtype) const override {
    return value_.to(dtype);
  }
  int64_t version() const override {
    return 0;
  }
  bool frozen() const override {
    return frozen_;
  }

 private:
  at::Tensor value_;
  bool frozen_;
};

inline at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat));
}

inline double relative_error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor expected = b.to(at::kDouble);
  return ((a.to(at::kDouble) - expected).norm() / expected.norm())
      .item<double>();
}

/// Forward, grad_x and the accumulated grad_w against products in fp64.
/// @param bound relative L2 error that rounding to `dtype` may cause
inline void check_products(
    Gemm& gemm,
    at::ScalarType dtype,
    at::IntArrayRef mnk,
    double bound) {
  const int64_t m = mnk[0], n = mnk[1], k = mnk[2];
  const at::Tensor x = random({m, k}, 1).to(dtype);
  const at::Tensor w = random({n, k}, 2).to(dtype);
  const at::Tensor grad_y = random({m, n}, 3).to(dtype);
  const FixedWeight weight(w, /*frozen=*/false);
  Saved saved;
  const at::Tensor y = gemm.forward({x}, weight, {}, &saved);
  const at::Tensor xd = x.to(at::kDouble), wd = w.to(at::kDouble);
  const at::Tensor gd = grad_y.to(at::kDouble);
  EXPECT_EQ(y.scalar_type(), dtype);
  EXPECT_LT(relative_error(y, at::matmul(xd, wd.t())), bound);
  GradRequest want;
  want.weight = at::ones({n, k});
  const at::Tensor grad_x = gemm.backward(grad_y, saved, weight, {}, want);
  EXPECT_EQ(grad_x.scalar_type(), dtype);
  EXPECT_LT(relative_error(grad_x, at::matmul(gd, wd)), bound);
  EXPECT_LT(relative_error(want.weight, at::matmul(gd.t(), xd) + 1), bound);
}

/// A frozen weight needs nothing saved, and no grad_x is made unasked.
inline void check_frozen(Gemm& gemm, at::ScalarType dtype) {
  const at::Tensor x = random({5, 8}, 1).to(dtype);
  const FixedWeight weight(random({6, 8}, 2).to(dtype), /*frozen=*/true);
  Saved saved;
  const at::Tensor y = gemm.forward({x}, weight, {}, &saved);
  EXPECT_TRUE(saved.tensors.empty());
  GradRequest want;
  want.input = false;
  EXPECT_FALSE(gemm.backward(y, saved, weight, {}, want).defined());
}

inline Site linear_site() {
  Site site;
  site.name = "model.layers.0.mlp.up_proj";
  site.role = "up_proj";
  return site;
}

inline Site embedding_site() {
  Site site;
  site.name = "model.embed_tokens";
  site.kind = SiteKind::embedding;
  return site;
}

} // namespace octet::testing
