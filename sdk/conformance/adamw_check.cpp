#include "sdk/conformance/adamw_check.h"

#include "sdk/conformance/check.h"
#include "sdk/conformance/numbers.h"

#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>

namespace octet::conformance {
namespace {

/// A tensor under training, with its moments.
struct Trained {
  at::Tensor master, exp_avg, exp_avg_sq;

  explicit Trained(const at::Tensor& start)
      : master(start.clone()),
        exp_avg(at::zeros_like(start)),
        exp_avg_sq(at::zeros_like(start)) {}

  void update(AdamwOp& op, const at::Tensor& grad, int64_t step) {
    AdamwOp::Settings settings{1e-2, 0.9, 0.99, 1e-8, 0.1, step, 0.5};
    op.update(master, grad, exp_avg, exp_avg_sq, settings);
  }
};

} // namespace

void expect_adamw(AdamwOp& found, AdamwOp& expected, double bound) {
  const at::Tensor start = random({33, 17}, 1, 0.02);
  Trained a(start), b(start);
  for (int64_t step = 1; step <= 3; ++step) {
    const at::Tensor grad = random({33, 17}, 10 + static_cast<uint64_t>(step));
    const at::Tensor kept = grad.clone();
    a.update(found, grad, step);
    expect(at::equal(grad, kept), "adamw changed the gradient");
    b.update(expected, grad, step);
    const auto compare = [&](const char* what,
                             const at::Tensor& one,
                             const at::Tensor& other) {
      const double error = relative_error(one, other);
      expect(
          error <= bound,
          fmt::format(
              "adamw, update {}: relative error of {} {:.2e}, tolerance {:.2e}",
              step,
              what,
              error,
              bound));
    };
    compare("the change of the master", a.master - start, b.master - start);
    compare("exp_avg", a.exp_avg, b.exp_avg);
    compare("exp_avg_sq", a.exp_avg_sq, b.exp_avg_sq);
  }
}

} // namespace octet::conformance
