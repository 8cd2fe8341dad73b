// Each reference op against plain loops in double precision, and its backward
// against finite differences of those loops.
#include "core/ops/cached_attention.h"
#include "core/ops/op_table.h"

#include <octet/error.h>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <vector>

namespace octet {
namespace {

using Values = std::vector<double>;

at::Tensor random(at::IntArrayRef shape, uint64_t seed) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  return at::randn(shape, generator, at::TensorOptions(at::kFloat));
}

Values values(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous();
  const double* data = flat.const_data_ptr<double>();
  return {data, data + flat.numel()};
}

/// Largest difference of two lists, relative to the largest expected value, or
/// to `at_least` where that is larger.
double difference(
    const Values& found,
    const Values& expected,
    double at_least = 1e-30) {
  EXPECT_EQ(found.size(), expected.size());
  double worst = 0, largest = at_least;
  for (size_t i = 0; i < expected.size(); ++i) {
    worst = std::max(worst, std::abs(found[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return worst / largest;
}

/// Gradient of sum(weights * f(x)) by central differences.
Values numeric_gradient(
    const std::function<Values(const Values&)>& f,
    Values x,
    const Values& weights) {
  Values gradient;
  const auto objective = [&] {
    const Values y = f(x);
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) {
      sum += y[i] * weights[i];
    }
    return sum;
  };
  for (double& element : x) {
    const double original = element, step = 1e-5;
    element = original + step;
    const double above = objective();
    element = original - step;
    gradient.push_back((above - objective()) / (2 * step));
    element = original;
  }
  return gradient;
}

Values rms_norm(const Values& x, const Values& w, double eps) {
  Values y(x.size());
  const size_t c = w.size();
  for (size_t row = 0; row < x.size() / c; ++row) {
    double squares = 0;
    for (size_t i = 0; i < c; ++i) {
      squares += x[row * c + i] * x[row * c + i];
    }
    const double r = 1 / std::sqrt(squares / static_cast<double>(c) + eps);
    for (size_t i = 0; i < c; ++i) {
      y[row * c + i] = x[row * c + i] * r * w[i];
    }
  }
  return y;
}

TEST(RmsNorm, ForwardAndBackwardAreThoseOfPlainLoops) {
  // 5000 rows of 7 are more than one block of rows.
  for (const int64_t rows : {1, 5, 5000}) {
    const at::Tensor x = random({rows, 7}, 1), w = random({7}, 2);
    const at::Tensor grad_y = random({rows, 7}, 3);
    OpTable ops;
    Saved saved;
    const at::Tensor y = ops.rms_norm().forward(x, w, 1e-5, &saved);
    EXPECT_LT(
        difference(values(y), rms_norm(values(x), values(w), 1e-5)), 1e-6);
    at::Tensor grad_w = at::zeros({7}) + 2;
    const at::Tensor grad_x = ops.rms_norm().backward(grad_y, saved, w, grad_w);
    if (rows > 100) {
      // The sum over rows: with w -> y linear, grad_w = sum(grad_y * y / w).
      const at::Tensor expected = (grad_y * y / w).to(at::kDouble).sum(0) + 2;
      EXPECT_LT(difference(values(grad_w), values(expected)), 1e-5);
      continue;
    }
    const Values weights = values(grad_y);
    EXPECT_LT(
        difference(
            values(grad_x),
            numeric_gradient(
                [&](const Values& at) { return rms_norm(at, values(w), 1e-5); },
                values(x),
                weights)),
        1e-5);
    EXPECT_LT(
        difference(
            values(grad_w - 2),
            numeric_gradient(
                [&](const Values& at) { return rms_norm(values(x), at, 1e-5); },
                values(w),
                weights)),
        1e-5);
  }
}

TEST(RmsNorm, NormalizesEachHeadOfAThreeDimensionalInput) {
  const at::Tensor x = random({4, 3, 6}, 1), w = random({6}, 2);
  OpTable ops;
  const at::Tensor y = ops.rms_norm().forward(x, w, 1e-6, nullptr);
  EXPECT_EQ(y.sizes(), x.sizes());
  EXPECT_LT(difference(values(y), rms_norm(values(x), values(w), 1e-6)), 1e-6);
}

TEST(RmsNorm, Bf16RoundsTheNormalizedRowThenTheProduct) {
  const at::Tensor x = random({9, 16}, 1).to(at::kBFloat16);
  const at::Tensor w = random({16}, 2).to(at::kBFloat16);
  OpTable ops;
  const at::Tensor y = ops.rms_norm().forward(x, w, 1e-6, nullptr);
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor normalized =
      (wide * (wide.pow(2).mean(-1, true) + 1e-6).rsqrt()).to(at::kBFloat16);
  EXPECT_TRUE(at::equal(y, normalized * w));
}

Values swiglu(const Values& gate, const Values& up) {
  Values y(gate.size());
  for (size_t i = 0; i < gate.size(); ++i) {
    y[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
  }
  return y;
}

TEST(Swiglu, ForwardAndBackwardAreThoseOfPlainLoops) {
  const at::Tensor gate = random({6, 5}, 1) * 3, up = random({6, 5}, 2);
  const at::Tensor grad_y = random({6, 5}, 3);
  OpTable ops;
  Saved saved;
  const at::Tensor y = ops.swiglu().forward(gate, up, &saved);
  EXPECT_LT(difference(values(y), swiglu(values(gate), values(up))), 1e-6);
  const auto [grad_gate, grad_up] = ops.swiglu().backward(grad_y, saved);
  EXPECT_LT(
      difference(
          values(grad_gate),
          numeric_gradient(
              [&](const Values& at) { return swiglu(at, values(up)); },
              values(gate),
              values(grad_y))),
      1e-5);
  EXPECT_LT(
      difference(
          values(grad_up),
          numeric_gradient(
              [&](const Values& at) { return swiglu(values(gate), at); },
              values(up),
              values(grad_y))),
      1e-5);
}

TEST(Swiglu, LargeInputsStayFinite) {
  OpTable ops;
  Saved saved;
  const at::Tensor gate = random({2, 4}, 1) * 300, up = random({2, 4}, 2);
  ops.swiglu().forward(gate, up, &saved);
  const auto [grad_gate, grad_up] =
      ops.swiglu().backward(random({2, 4}, 3), saved);
  EXPECT_TRUE(grad_gate.isfinite().all().item<bool>());
  EXPECT_TRUE(grad_up.isfinite().all().item<bool>());
}

TEST(Rope, RotatesThePairsOfTheTwoHalves) {
  const int64_t n = 3, h = 2, half = 2;
  const at::Tensor x = random({n, h, 2 * half}, 1);
  const at::Tensor angle = random({n, half}, 2);
  OpTable ops;
  const Values y = values(ops.rope().apply(x, angle.cos(), angle.sin(), false));
  const Values in = values(x), a = values(angle);
  Values expected(in.size());
  for (size_t token = 0; token < 3; ++token) {
    for (size_t head = 0; head < 2; ++head) {
      const size_t base = (token * 2 + head) * 4;
      for (size_t i = 0; i < 2; ++i) {
        const double c = std::cos(a[token * 2 + i]);
        const double s = std::sin(a[token * 2 + i]);
        expected[base + i] = in[base + i] * c - in[base + 2 + i] * s;
        expected[base + 2 + i] = in[base + 2 + i] * c + in[base + i] * s;
      }
    }
  }
  EXPECT_LT(difference(y, expected), 1e-6);
}

TEST(Rope, InverseUndoesTheRotation) {
  const at::Tensor x = random({5, 3, 8}, 1), angle = random({5, 4}, 2);
  OpTable ops;
  const at::Tensor there = ops.rope().apply(x, angle.cos(), angle.sin(), false);
  const at::Tensor back =
      ops.rope().apply(there, angle.cos(), angle.sin(), true);
  EXPECT_LT(difference(values(back), values(x)), 1e-6);
  EXPECT_GT(difference(values(there), values(x)), 1e-2);
}

/// Attention of packed sequences by plain loops; q [n, h, d], k, v [n, g, d].
struct PlainAttention {
  int64_t h, g, d;
  AttentionShape shape;

  Values operator()(const Values& q, const Values& k, const Values& v) const {
    Values y(q.size(), 0);
    for (size_t s = 0; s + 1 < shape.cu_seqlens.size(); ++s) {
      const int64_t begin = shape.cu_seqlens[s];
      for (int64_t t = begin; t < shape.cu_seqlens[s + 1]; ++t) {
        const int64_t first =
            shape.window > 0 ? std::max(begin, t - shape.window + 1) : begin;
        for (int64_t head = 0; head < h; ++head) {
          row(q, k, v, y, t, head, first);
        }
      }
    }
    return y;
  }

  void row(
      const Values& q,
      const Values& k,
      const Values& v,
      Values& y,
      int64_t t,
      int64_t head,
      int64_t first) const {
    const int64_t kv = head / (h / g);
    Values weights;
    double sum = 0;
    for (int64_t key = first; key <= t; ++key) {
      double score = 0;
      for (int64_t i = 0; i < d; ++i) {
        score += q[index(t, head, h, i)] * k[index(key, kv, g, i)];
      }
      weights.push_back(std::exp(score * shape.scale));
      sum += weights.back();
    }
    for (int64_t key = first; key <= t; ++key) {
      for (int64_t i = 0; i < d; ++i) {
        y[index(t, head, h, i)] += weights[static_cast<size_t>(key - first)] /
            sum * v[index(key, kv, g, i)];
      }
    }
  }

  size_t index(int64_t token, int64_t head, int64_t heads, int64_t i) const {
    return static_cast<size_t>((token * heads + head) * d + i);
  }
};

void check_attention(int64_t h, int64_t g, int64_t d, AttentionShape shape) {
  const int64_t n = shape.cu_seqlens.back();
  shape.scale = 0.4;
  const PlainAttention plain{h, g, d, shape};
  const at::Tensor q = random({n, h, d}, 1), k = random({n, g, d}, 2);
  const at::Tensor v = random({n, g, d}, 3), grad_y = random({n, h, d}, 4);
  OpTable ops;
  Saved saved;
  const at::Tensor y = ops.attention().forward(q, k, v, shape, &saved);
  EXPECT_LT(
      difference(values(y), plain(values(q), values(k), values(v))), 2e-6);
  const auto grads = ops.attention().backward(grad_y, saved, shape);
  const Values weights = values(grad_y);
  // A window of one key has no gradient of queries and keys, and rounding is
  // not to be compared with that zero: other gradients here are about this
  // large.
  constexpr double kGradient = 1;
  EXPECT_LT(
      difference(
          values(grads.q),
          numeric_gradient(
              [&](const Values& at) { return plain(at, values(k), values(v)); },
              values(q),
              weights),
          kGradient),
      1e-5);
  EXPECT_LT(
      difference(
          values(grads.k),
          numeric_gradient(
              [&](const Values& at) { return plain(values(q), at, values(v)); },
              values(k),
              weights),
          kGradient),
      1e-5);
  EXPECT_LT(
      difference(
          values(grads.v),
          numeric_gradient(
              [&](const Values& at) { return plain(values(q), values(k), at); },
              values(v),
              weights),
          kGradient),
      1e-5);
}

TEST(Attention, PackedSequencesAreThoseOfPlainLoops) {
  check_attention(2, 2, 4, {{0, 5, 6, 13}, 0, 0});
}

TEST(Attention, SharedKeyValueHeadsAreThoseOfPlainLoops) {
  check_attention(6, 2, 4, {{0, 7, 9}, 0, 0});
}

TEST(Attention, SlidingWindowIsThatOfPlainLoops) {
  check_attention(4, 2, 4, {{0, 3, 13}, 0, 3});
  check_attention(2, 1, 8, {{0, 6}, 0, 1});
}

TEST(Attention, LongSequencesAndWindowsAreThoseOfPlainLoops) {
  // Longer than any block of queries or keys of an implementation.
  for (const int64_t window : {0, 70, 300}) {
    const AttentionShape shape{{0, 3, 700}, 0.3, window};
    const at::Tensor q = random({700, 2, 8}, 1), k = random({700, 1, 8}, 2);
    const at::Tensor v = random({700, 1, 8}, 3);
    OpTable ops;
    const at::Tensor y = ops.attention().forward(q, k, v, shape, nullptr);
    const PlainAttention plain{2, 1, 8, shape};
    EXPECT_LT(
        difference(values(y), plain(values(q), values(k), values(v))), 5e-6)
        << window;
  }
}

TEST(Attention, LongBackwardIsTheSumOfItsDirectionalDerivatives) {
  for (const int64_t window : {0, 70}) {
    const AttentionShape shape{{0, 3, 600}, 0.3, window};
    const at::Tensor q = random({600, 2, 8}, 1), k = random({600, 1, 8}, 2);
    const at::Tensor v = random({600, 1, 8}, 3),
                     grad_y = random({600, 2, 8}, 4);
    OpTable ops;
    Saved saved;
    ops.attention().forward(q, k, v, shape, &saved);
    const auto grads = ops.attention().backward(grad_y, saved, shape);
    const at::Tensor dq = random({600, 2, 8}, 5), dk = random({600, 1, 8}, 6);
    const at::Tensor dv = random({600, 1, 8}, 7);
    const PlainAttention plain{2, 1, 8, shape};
    const auto objective = [&](double step) {
      const Values y = plain(
          values(q.to(at::kDouble) + dq * step),
          values(k.to(at::kDouble) + dk * step),
          values(v.to(at::kDouble) + dv * step));
      const Values weights = values(grad_y);
      double sum = 0;
      for (size_t i = 0; i < y.size(); ++i) {
        sum += y[i] * weights[i];
      }
      return sum;
    };
    const double slope = (objective(1e-5) - objective(-1e-5)) / 2e-5;
    const double found = ((grads.q * dq).to(at::kDouble).sum() +
                          (grads.k * dk).to(at::kDouble).sum() +
                          (grads.v * dv).to(at::kDouble).sum())
                             .item<double>();
    EXPECT_NEAR(found / slope, 1, 1e-4) << window;
  }
}

TEST(Attention, Bf16DiffersFromFp32ByRoundingOnly) {
  const AttentionShape shape{{0, 20, 50}, 0.3, 0};
  const at::Tensor q = random({50, 4, 8}, 1).to(at::kBFloat16);
  const at::Tensor k = random({50, 2, 8}, 2).to(at::kBFloat16);
  const at::Tensor v = random({50, 2, 8}, 3).to(at::kBFloat16);
  OpTable ops;
  const at::Tensor narrow = ops.attention().forward(q, k, v, shape, nullptr);
  const at::Tensor wide = ops.attention().forward(
      q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat), shape, nullptr);
  EXPECT_EQ(narrow.scalar_type(), at::kBFloat16);
  EXPECT_LT(difference(values(narrow), values(wide)), 8e-3);
}

TEST(CachedAttention, LastTokensSeeWhatTheyWouldInTheWholeSequence) {
  const at::Tensor q = random({12, 4, 8}, 1), k = random({12, 2, 8}, 2);
  const at::Tensor v = random({12, 2, 8}, 3);
  for (const int64_t window : {0, 1, 4, 20}) {
    const AttentionShape shape{{0, 12}, 0.3, window};
    const Values whole =
        PlainAttention{4, 2, 8, shape}(values(q), values(k), values(v));
    for (const int64_t tokens : {1, 3, 12}) {
      const at::Tensor last =
          cached_attention(q.slice(0, 12 - tokens), k, v, shape.scale, window);
      const Values expected(whole.end() - tokens * 32, whole.end());
      EXPECT_LT(difference(values(last), expected), 2e-6)
          << window << " " << tokens;
    }
  }
}

double cross_entropy(
    const Values& logits,
    const std::vector<int64_t>& targets) {
  const size_t v = logits.size() / targets.size();
  double loss = 0;
  for (size_t row = 0; row < targets.size(); ++row) {
    double sum = 0;
    for (size_t i = 0; i < v; ++i) {
      sum += std::exp(logits[row * v + i]);
    }
    loss += std::log(sum) - logits[row * v + static_cast<size_t>(targets[row])];
  }
  return loss;
}

TEST(CrossEntropy, LossAndGradientAreThoseOfPlainLoops) {
  const at::Tensor logits = random({3, 11}, 1) * 4;
  const std::vector<int64_t> targets = {0, 10, 4};
  const at::Tensor target = at::tensor(targets, at::kLong);
  OpTable ops;
  const auto result =
      ops.cross_entropy().compute(logits.clone(), target, true, 0.25);
  EXPECT_NEAR(
      result.loss_sum / cross_entropy(values(logits), targets), 1, 1e-6);
  const Values expected = numeric_gradient(
      [&](const Values& at) { return Values{cross_entropy(at, targets)}; },
      values(logits),
      {0.25});
  EXPECT_LT(difference(values(result.grad_logits), expected), 1e-5);
}

TEST(CrossEntropy, LossAloneHasNoGradient) {
  OpTable ops;
  const auto result = ops.cross_entropy().compute(
      random({2, 5}, 1), at::zeros({2}, at::kLong), false, 1);
  EXPECT_FALSE(result.grad_logits.defined());
}

TEST(CrossEntropy, HugeLogitsStayFinite) {
  OpTable ops;
  at::Tensor logits = random({2, 5}, 1) + 1e4;
  const auto result =
      ops.cross_entropy().compute(logits, at::zeros({2}, at::kLong), true, 1);
  EXPECT_TRUE(std::isfinite(result.loss_sum));
  EXPECT_TRUE(result.grad_logits.isfinite().all().item<bool>());
}

TEST(Adamw, FollowsTheFormulaStepByStep) {
  // More elements than one piece of the implementation.
  const int64_t n = (1 << 20) + 3;
  at::Tensor master = random({n}, 1), m = at::zeros({n}), v = at::zeros({n});
  at::Tensor p = master.to(at::kDouble);
  at::Tensor em = at::zeros({n}, at::kDouble), ev = em.clone();
  OpTable ops;
  for (int64_t step = 1; step <= 3; ++step) {
    const at::Tensor grad = random({n}, 10 + static_cast<uint64_t>(step));
    ops.adamw().update(
        master, grad, m, v, {1e-2, 0.9, 0.95, 1e-8, 0.1, step, 0.5});
    const at::Tensor g = grad.to(at::kDouble) * 0.5;
    p = p * (1 - 1e-2 * 0.1);
    em = em * 0.9 + g * 0.1;
    ev = ev * 0.95 + g * g * 0.05;
    const double t = static_cast<double>(step);
    p = p -
        1e-2 * (em / (1 - std::pow(0.9, t))) /
            ((ev / (1 - std::pow(0.95, t))).sqrt() + 1e-8);
  }
  EXPECT_LT((master - p).abs().max().item<double>(), 2e-6);
  EXPECT_LT((m - em).abs().max().item<double>(), 1e-6);
}

TEST(Adamw, LeavesTheGradientAsItIs) {
  at::Tensor master = random({9}, 1), m = at::zeros({9}), v = at::zeros({9});
  const at::Tensor grad = random({9}, 2), before = grad.clone();
  OpTable ops;
  ops.adamw().update(master, grad, m, v, {1e-2, 0.9, 0.95, 1e-8, 0.1, 1, 0.5});
  EXPECT_TRUE(at::equal(grad, before));
}

class OtherOp : public Op {
 public:
  std::string implementation() const override {
    return "other:plain";
  }
};

TEST(OpTable, ReplacementOfAnotherInterfaceIsRefused) {
  OpTable ops;
  EXPECT_THROW(ops.replace("swiglu", std::make_shared<OtherOp>()), Error);
  EXPECT_THROW(ops.replace("rope", nullptr), Error);
  EXPECT_EQ(ops.implementations().at("swiglu"), "reference");
}

TEST(OpTable, UnknownOpIsNamedWithTheKnownOnes) {
  OpTable ops;
  try {
    ops.replace("swigly", std::make_shared<OtherOp>());
    FAIL() << "an unknown op";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("swigly"), std::string::npos);
    EXPECT_NE(text.find("swiglu"), std::string::npos);
  }
}

} // namespace
} // namespace octet
