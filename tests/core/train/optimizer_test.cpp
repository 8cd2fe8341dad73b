// The optimizer against torch.optim.AdamW (tests/fixtures/train/adamw.json)
// and its bookkeeping. The update of one tensor is a plain loop written here,
// so that only what this folder adds is measured.
#include "core/train/optimizer.h"

#include "core/base/problems.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <fstream>

namespace octet {
namespace {

using nlohmann::json;

class PlainAdamw : public AdamwOp {
 public:
  std::string implementation() const override {
    return "test";
  }
  void update(
      at::Tensor& master,
      const at::Tensor& grad,
      at::Tensor& exp_avg,
      at::Tensor& exp_avg_sq,
      const Settings& s) override {
    last = s;
    float* w = master.mutable_data_ptr<float>();
    const float* g = grad.const_data_ptr<float>();
    float* m = exp_avg.mutable_data_ptr<float>();
    float* v = exp_avg_sq.mutable_data_ptr<float>();
    const auto step = static_cast<double>(s.step);
    const double c1 = 1 - std::pow(s.beta1, step);
    const double c2 = 1 - std::pow(s.beta2, step);
    for (int64_t i = 0; i < master.numel(); ++i) {
      const double gi = g[i] * s.grad_scale;
      const double mi = s.beta1 * m[i] + (1 - s.beta1) * gi;
      const double vi = s.beta2 * v[i] + (1 - s.beta2) * gi * gi;
      const double decayed = w[i] * (1 - s.learning_rate * s.weight_decay);
      const double root = std::sqrt(vi / c2) + s.epsilon;
      m[i] = static_cast<float>(mi);
      v[i] = static_cast<float>(vi);
      w[i] = static_cast<float>(decayed - s.learning_rate * mi / c1 / root);
    }
  }
  Settings last{};
};

void flatten(const json& value, std::vector<float>& out) {
  if (value.is_array()) {
    for (const json& item : value) {
      flatten(item, out);
    }
  } else {
    out.push_back(value.get<float>());
  }
}

at::Tensor tensor(const json& value) {
  std::vector<float> flat;
  flatten(value, flat);
  std::vector<int64_t> shape;
  for (const json* level = &value; level->is_array(); level = &level->at(0)) {
    shape.push_back(static_cast<int64_t>(level->size()));
  }
  return at::from_blob(flat.data(), shape, at::kFloat).clone();
}

void expect_near(const at::Tensor& actual, const json& expected) {
  const at::Tensor wanted = tensor(expected);
  ASSERT_EQ(actual.sizes(), wanted.sizes());
  for (int64_t i = 0; i < wanted.numel(); ++i) {
    const float w = wanted.const_data_ptr<float>()[i];
    EXPECT_NEAR(
        actual.const_data_ptr<float>()[i], w, 2e-6 * std::abs(w) + 1e-8);
  }
}

TrainSection plain_settings() {
  TrainSection train;
  train.beta1 = 0.9;
  train.beta2 = 0.999;
  train.epsilon = 1e-8;
  return train;
}

Parameter parameter(const std::string& name, std::vector<int64_t> shape) {
  Parameter result;
  result.name = name;
  result.master = at::zeros(shape, at::kFloat);
  return result;
}

TEST(Optimizer, EqualsTorchWithClippingAndDecayGroups) {
  std::ifstream file(OCTET_SOURCE_DIR "/tests/fixtures/train/adamw.json");
  const json golden = json::parse(file);
  TrainSection train;
  train.beta1 = golden["beta1"];
  train.beta2 = golden["beta2"];
  train.epsilon = golden["epsilon"];
  train.weight_decay = golden["weight_decay"];
  train.max_grad_norm = golden["max_grad_norm"];
  Parameter decayed, plain;
  decayed.name = "decayed";
  decayed.master = tensor(golden["start"][0]);
  plain.name = "plain";
  plain.master = tensor(golden["start"][1]);
  plain.decay = false;
  Optimizer optimizer({&decayed, &plain}, train);
  PlainAdamw op;
  bool clipped = false;
  for (const json& step : golden["steps"]) {
    decayed.grad.copy_(tensor(step["grads"][0]));
    plain.grad.copy_(tensor(step["grads"][1]));
    const double norm = global_grad_norm(optimizer.parameters());
    EXPECT_NEAR(norm, step["grad_norm"].get<double>(), 1e-5);
    clipped = clipped || norm > 2.5;
    optimizer.update(op, step["learning_rate"], norm);
    expect_near(decayed.master, step["values"][0]);
    expect_near(plain.master, step["values"][1]);
    const State state = optimizer.state();
    expect_near(state[0].second, step["exp_avg"][0]);
    expect_near(state[1].second, step["exp_avg_sq"][0]);
    expect_near(state[3].second, step["exp_avg_sq"][1]);
  }
  EXPECT_TRUE(clipped);
}

TEST(Optimizer, UpdateRaisesVersionsAndClearsGradients) {
  Parameter weight = parameter("w", {2});
  Optimizer optimizer({&weight}, plain_settings());
  weight.grad.fill_(1);
  PlainAdamw op;
  optimizer.update(op, 0.1, 1);
  EXPECT_EQ(weight.version, 1);
  EXPECT_EQ(optimizer.updates(), 1);
  EXPECT_EQ(weight.grad.sum().item<float>(), 0);
  EXPECT_NE(weight.master.sum().item<float>(), 0);
}

TEST(Optimizer, NormIsExactWhereFp32SumsWouldNotBe) {
  // One large element before many ones: an fp32 running sum of squares starts
  // at
  // 2^24 and loses every one of them.
  Parameter weight = parameter("w", {1 << 22});
  weight.grad = at::zeros({1 << 22}, at::kFloat).fill_(1);
  weight.grad[0].fill_(4096);
  EXPECT_DOUBLE_EQ(
      global_grad_norm({&weight}), std::sqrt(4096.0 * 4096 + (1 << 22) - 1));
}

TEST(Optimizer, NormHasTheSameBitsForAnyNumberOfThreads) {
  Parameter weight = parameter("w", {1000003});
  weight.grad = at::empty({1000003}, at::kFloat);
  float* data = weight.grad.mutable_data_ptr<float>();
  for (int64_t i = 0; i < 1000003; ++i) {
    data[i] = std::sin(static_cast<float>(i) * 0.37f);
  }
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const double one = global_grad_norm({&weight});
  at::set_num_threads(2);
  EXPECT_EQ(global_grad_norm({&weight}), one);
  at::set_num_threads(before);
}

TEST(Optimizer, NormOfNotANumberIsNotANumber) {
  Parameter weight = parameter("w", {3});
  weight.grad = at::zeros({3}, at::kFloat);
  weight.grad[1].fill_(std::nanf(""));
  EXPECT_TRUE(std::isnan(global_grad_norm({&weight})));
}

TEST(Optimizer, StateGoesRoundAndContinuesTheSameBits) {
  Parameter a = parameter("w", {5}), b = parameter("w", {5});
  Optimizer first({&a}, plain_settings()), second({&b}, plain_settings());
  PlainAdamw op;
  a.grad.fill_(0.3);
  first.update(op, 0.1, 1);
  b.master.copy_(a.master);
  second.load(first.state(), first.updates());
  a.grad.fill_(-0.7);
  b.grad.fill_(-0.7);
  first.update(op, 0.1, 1);
  second.update(op, 0.1, 1);
  EXPECT_TRUE(at::equal(a.master, b.master));
  EXPECT_EQ(op.last.step, 2);
}

TEST(Optimizer, LoadTellsEveryDifferenceAtOnce) {
  Parameter weight = parameter("w", {2});
  Optimizer optimizer({&weight}, plain_settings());
  const State wrong = {
      {"w.exp_avg", at::zeros({3}, at::kFloat)},
      {"v.exp_avg", at::zeros({2}, at::kFloat)}};
  try {
    optimizer.load(wrong, 1);
    FAIL() << "expected a Failure";
  } catch (const Failure& failure) {
    const std::string text = failure.what();
    EXPECT_NE(
        text.find("w.exp_avg has shape [3], expected [2]"), std::string::npos)
        << text;
    EXPECT_NE(text.find("w.exp_avg_sq is missing"), std::string::npos) << text;
    EXPECT_NE(text.find("v.exp_avg belongs to no parameter"), std::string::npos)
        << text;
  }
}

} // namespace
} // namespace octet
