// Products and gradients of a precision backend. Shapes: M tokens, K inputs,
// N outputs.
//
// A product is linear in each operand, so differences are taken with a step as
// large as the operand: rounding, the only thing that is not linear, stays as
// small beside them as it is beside the product.
#include "sdk/conformance/check.h"
#include "sdk/conformance/gemm_bench.h"

#include <ATen/ops/matmul.h>
#include <fmt/format.h>

#include <cmath>

namespace octet::conformance {
namespace {

std::string check_forward(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    for (const int64_t rows : kRows) {
      const Operands operands(bench.subject(), site, rows);
      const Activation x{operands.x.clone()};
      Saved saved;
      const at::Tensor y =
          gemm->forward(x, operands.weight, training_context(), &saved);
      bench.expect_close(y, operands.y(), "y", site, rows);
      expect(at::equal(x.value, operands.x), "it changed its input x");
      const Operands fresh(bench.subject(), site, rows);
      expect(
          at::equal(operands.weight.value(), fresh.weight.value()),
          "it changed the weight");
    }
  }
  return bench.worst();
}

/// @param weight undefined when no gradient of the weight is wanted
at::Tensor run_once(
    Gemm& gemm,
    const Operands& operands,
    const WeightSource& source,
    const at::Tensor& weight_gradient,
    bool want_input) {
  Saved saved;
  gemm.forward({operands.x}, source, training_context(), &saved);
  GradRequest want;
  want.input = want_input;
  want.weight = weight_gradient;
  return gemm.backward(
      operands.grad_y.clone(), saved, source, training_context(), want);
}

std::string check_backward(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    for (const int64_t rows : kRows) {
      const Operands operands(bench.subject(), site, rows);
      const at::Tensor grad_w = operands.no_gradient();
      const at::Tensor grad_x =
          run_once(*gemm, operands, operands.weight, grad_w, true);
      bench.expect_close(grad_x, operands.grad_x(), "grad_x", site, rows);
      bench.expect_close(grad_w, operands.grad_w(), "grad_w", site, rows);
    }
  }
  return bench.worst();
}

std::string check_wants(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    const Operands operands(bench.subject(), site, 7);
    const at::Tensor grad_w = operands.no_gradient();
    expect(
        !run_once(*gemm, operands, operands.weight, grad_w, false).defined(),
        "expected no grad_x with want.input = false, found one");
    bench.expect_close(grad_w, operands.grad_w(), "grad_w", site, 7);
    const at::Tensor grad_x =
        run_once(*gemm, operands, operands.frozen, {}, true);
    bench.expect_close(
        grad_x, operands.grad_x(), "grad_x beside a frozen weight", site, 7);
    expect(
        !run_once(*gemm, operands, operands.frozen, {}, false).defined(),
        "expected no gradient at all where none is wanted, found one");
  }
  return "";
}

std::string check_accumulates(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    const Operands operands(bench.subject(), site, 16);
    // Of the gradient's size, so that a lost addend is a large error.
    const at::Tensor before =
        random({site.out_features, site.in_features}, 9, 4);
    const at::Tensor sum = before.clone();
    const void* memory = sum.data_ptr();
    run_once(*gemm, operands, operands.weight, sum, true);
    run_once(*gemm, operands, operands.weight, sum, true);
    expect(
        sum.data_ptr() == memory && sum.scalar_type() == at::kFloat,
        "want.weight lies elsewhere or has another dtype than before");
    bench.expect_close(sum - before, operands.grad_w() * 2, "grad_w", site, 16);
  }
  return "";
}

std::string check_saved(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    const Operands first(bench.subject(), site, 7, 1);
    const Operands second(bench.subject(), site, 16, 2);
    Saved of_first, of_second;
    // One weight: what differs is x.
    gemm->forward({first.x}, first.weight, training_context(), &of_first);
    gemm->forward({second.x}, first.weight, training_context(1, 1), &of_second);
    const auto backward = [&](const Operands& operands,
                              Saved& saved,
                              int64_t microbatch) {
      GradRequest want;
      want.weight = operands.no_gradient();
      gemm->backward(
          operands.grad_y,
          saved,
          first.weight,
          training_context(1, microbatch),
          want);
      bench.expect_close(
          want.weight, operands.grad_w(), "grad_w", site, operands.x.size(0));
    };
    backward(first, of_first, 0);
    backward(second, of_second, 1);
  }
  return "";
}

/// (f(+) - f(-)) / 2 against the gradient, along a direction in which the
/// output changes by `g`.
void expect_slope(
    const at::Tensor& plus,
    const at::Tensor& minus,
    const at::Tensor& g,
    double slope,
    const std::string& what,
    const GemmBench& bench,
    const Site& site) {
  const double difference =
      inner_product((plus.to(at::kDouble) - minus.to(at::kDouble)) / 2, g);
  const double error = std::abs(difference - slope) /
      std::max(std::abs(difference), std::abs(slope));
  // Three roundings of the tolerance's size meet here.
  const double bound = 3 * bench.subject().tolerance;
  expect(
      error <= bound,
      fmt::format(
          "gradient of {} at {}: backward gives a slope of {:.6g}, differences "
          "of forward {:.6g}; relative error {:.2e}, tolerance {:.2e}",
          what,
          site.name,
          slope,
          difference,
          error,
          bound));
}

std::string check_gradients(GemmBench& bench) {
  const at::ScalarType dtype = bench.subject().dtype;
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    Operands operands(bench.subject(), site, 16);
    const Operands direction(bench.subject(), site, 16, 5);
    // Another weight gets an instance of its own: a backend may cache what it
    // made of the weight by its version.
    const auto forward = [&](const at::Tensor& x, const WeightSource& w) {
      return gemm->forward({x}, w, evaluation_context(), nullptr);
    };
    const at::Tensor weight = operands.weight.value();
    const at::Tensor w_step = direction.weight.value();

    // Along x: the output changes by d w^T.
    const at::Tensor g_x = forward(direction.x, operands.weight);
    operands.grad_y = g_x;
    const at::Tensor grad_x = run_once(
        *gemm, operands, operands.weight, operands.no_gradient(), true);
    expect_slope(
        forward((operands.x + direction.x).to(dtype), operands.weight),
        forward((operands.x - direction.x).to(dtype), operands.weight),
        g_x,
        inner_product(grad_x, direction.x),
        "x",
        bench,
        site);

    // Along w: it changes by x d^T.
    const at::Tensor g_w = bench.make(site)->forward(
        {operands.x}, direction.weight, evaluation_context(), nullptr);
    operands.grad_y = g_w;
    const at::Tensor grad_w = operands.no_gradient();
    run_once(*gemm, operands, operands.weight, grad_w, true);
    const TestWeight plus(weight + w_step, false),
        minus(weight - w_step, false);
    expect_slope(
        bench.make(site)->forward(
            {operands.x}, plus, evaluation_context(), nullptr),
        bench.make(site)->forward(
            {operands.x}, minus, evaluation_context(), nullptr),
        g_w,
        inner_product(grad_w, w_step),
        "w",
        bench,
        site);
  }
  return "";
}

std::string check_weights(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    Operands operands(bench.subject(), site, 7, 1);
    const Operands other(bench.subject(), site, 7, 2);
    run_once(*gemm, operands, operands.weight, operands.no_gradient(), true);
    operands.weight.set(other.weight.value());
    Saved saved;
    const at::Tensor y = gemm->forward(
        {operands.x}, operands.weight, training_context(2), &saved);
    bench.expect_close(
        y, operands.y(), "y after an update of the weight", site, 7);
    GradRequest want;
    want.weight = operands.no_gradient();
    const at::Tensor grad_x = gemm->backward(
        operands.grad_y, saved, operands.weight, training_context(2), want);
    bench.expect_close(
        grad_x,
        operands.grad_x(),
        "grad_x after an update of the weight",
        site,
        7);
  }
  return "";
}

} // namespace

void check_precision(const Subject& subject, Recorder& recorder) {
  GemmBench bench(subject);
  if (!recorder.run("accepts", [&] { return bench.ask(); })) {
    return;
  }
  const bool forward =
      recorder.run("forward", [&] { return check_forward(bench); });
  const bool backward = forward &&
      recorder.run("backward", [&] { return check_backward(bench); });
  if (!backward) {
    recorder.skip(
        {"wants",
         "accumulates",
         "saved",
         "gradients",
         "weights",
         "recompute",
         "evaluation",
         "shared input",
         "state",
         "statistics"},
        forward ? "needs a right backward" : "needs a right forward");
    return;
  }
  recorder.run("wants", [&] { return check_wants(bench); });
  recorder.run("accumulates", [&] { return check_accumulates(bench); });
  recorder.run("saved", [&] { return check_saved(bench); });
  recorder.run("gradients", [&] { return check_gradients(bench); });
  recorder.run("weights", [&] { return check_weights(bench); });
  check_gemm_state(bench, recorder);
}

} // namespace octet::conformance
