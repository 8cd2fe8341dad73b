// What a precision backend remembers: nothing of a recomputed or evaluated
// forward, and everything that a resumed run needs.
#include "sdk/conformance/check.h"
#include "sdk/conformance/gemm_bench.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

namespace octet::conformance {
namespace {

/// The second step. @param recompute as activation checkpointing does: nothing
/// is saved in the first forward
StepResult train_second_step(
    const Instance& gemm,
    const at::Tensor& x,
    const Operands& operands,
    const Site& site,
    bool recompute) {
  StepContext context = training_context(2);
  Saved saved;
  StepResult result;
  result.y = gemm->forward(
      {x}, operands.weight, context, recompute ? nullptr : &saved);
  if (recompute) {
    const State before = copy_of(gemm->state());
    context.recompute = true;
    expect(
        at::equal(
            gemm->forward({x}, operands.weight, context, &saved), result.y),
        "a recomputed forward at " + site.name + " gives other values");
    const std::string changed = state_difference(gemm->state(), before);
    expect(
        changed.empty(),
        "a recomputed forward at " + site.name +
            " changed the state: " + changed);
  }
  GradRequest want;
  want.weight = operands.no_gradient();
  result.grad_x = gemm->backward(
      operands.grad_y, saved, operands.weight, training_context(2), want);
  result.grad_w = want.weight;
  return result;
}

/// A recomputed forward is measured against one that was not, bit for bit.
/// @returns grad_w
at::Tensor expect_as_without_recomputation(
    const GemmBench& bench,
    const Site& site,
    const Operands& operands,
    double factor) {
  const Instance plain = bench.make(site), recomputed = bench.make(site);
  train_step(plain, operands, 1);
  train_step(recomputed, operands, 1);
  const at::Tensor x = operands.x * factor;
  const StepResult expected =
      train_second_step(plain, x, operands, site, false);
  const StepResult found =
      train_second_step(recomputed, x, operands, site, true);
  const std::string other = difference(found, expected);
  expect(
      other.empty(),
      fmt::format(
          "a step at {} gives another {} with a recomputed forward than "
          "without",
          site.name,
          other));
  const std::string apart =
      state_difference(recomputed->state(), plain->state());
  expect(
      apart.empty(),
      "after a step with a recomputed forward, the state of " + site.name +
          " is not that without: " + apart);
  return found.grad_w;
}

std::string check_recompute(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Operands operands(bench.subject(), site, 16);
    // Larger than all before, so that a history that takes it in shows. A
    // scale by history may saturate here, so the exact product is no measure.
    expect_as_without_recomputation(bench, site, operands, 4);
    // As large as before, which every history holds.
    bench.expect_close(
        expect_as_without_recomputation(bench, site, operands, 1),
        operands.grad_w(),
        "grad_w after a recomputed forward",
        site,
        16);
  }
  return "";
}

std::string check_evaluation(GemmBench& bench) {
  for (const Site& site : bench.sites()) {
    const Instance gemm = bench.make(site);
    const Operands operands(bench.subject(), site, 16);
    train_step(gemm, operands, 1);
    const State before = copy_of(gemm->state());
    for (const ModelView view :
         {ModelView::evaluation, ModelView::reference, ModelView::generation}) {
      StepContext context = evaluation_context();
      context.view = view;
      const at::Tensor y =
          gemm->forward({operands.x * 3}, operands.weight, context, nullptr);
      const at::Tensor again =
          gemm->forward({operands.x * 3}, operands.weight, context, nullptr);
      expect(
          at::equal(y, again),
          "two forwards outside training at " + site.name + " differ");
      expect(all_finite(y), "a forward outside training is not finite");
    }
    const std::string changed = state_difference(gemm->state(), before);
    expect(
        changed.empty(),
        "a forward outside training at " + site.name +
            " changed the state: " + changed);
  }
  return "";
}

std::string check_shared_input(GemmBench& bench) {
  for (size_t i = 0; i + 1 < bench.sites().size(); ++i) {
    const Site& site = bench.sites()[i];
    const Site& next = bench.sites()[i + 1];
    if (site.group != next.group) {
      continue;
    }
    const Operands operands(bench.subject(), site, 16);
    const Operands others(bench.subject(), next, 16, 2);
    const Instance first = bench.make(site);
    const auto second = GemmBench::make(*first.backend, next);
    const Instance alone = bench.make(next);
    const Activation shared{operands.x};
    Saved a, b, c;
    first->forward(shared, operands.weight, training_context(), &a);
    const at::Tensor y =
        second->forward(shared, others.weight, training_context(), &b);
    const at::Tensor expected =
        alone->forward({operands.x}, others.weight, training_context(), &c);
    expect(
        at::equal(y, expected),
        next.name + " gives other values where its input was used by " +
            site.name + " before");
    GradRequest want;
    want.weight = operands.no_gradient();
    first->backward(
        operands.grad_y, a, operands.weight, training_context(), want);
    bench.expect_close(
        want.weight, operands.grad_w(), "grad_w of a shared input", site, 16);
  }
  return "";
}

void expect_well_formed(const State& state, const Site& site) {
  for (size_t i = 0; i < state.size(); ++i) {
    expect(
        !state[i].first.empty() && state[i].second.defined(),
        "the state of " + site.name + " has an entry without name or tensor");
    for (size_t j = 0; j < i; ++j) {
      expect(
          state[i].first != state[j].first,
          "the state of " + site.name + " has " + state[i].first + " twice");
    }
  }
}

std::string check_state(GemmBench& bench) {
  size_t tensors = 0;
  for (const Site& site : bench.sites()) {
    const Operands operands(bench.subject(), site, 16);
    const Instance gemm = bench.make(site);
    for (int64_t step = 1; step <= 5; ++step) {
      train_step(gemm, operands, step);
    }
    const State saved = copy_of(gemm->state());
    expect_well_formed(saved, site);
    tensors += saved.size();

    const Instance resumed = bench.make(site);
    resumed->load(saved);
    const std::string lost = state_difference(resumed->state(), saved);
    expect(
        lost.empty(),
        "after load, the state of " + site.name + " is another one: " + lost);
    for (int64_t step = 6; step <= 7; ++step) {
      const std::string other = difference(
          train_step(gemm, operands, step),
          train_step(resumed, operands, step));
      expect(
          other.empty(),
          fmt::format(
              "step {} at {} gives another {} after save and load than "
              "without",
              step,
              site.name,
              other));
    }
    const std::string apart = state_difference(resumed->state(), gemm->state());
    expect(
        apart.empty(),
        "two steps after load, the state of " + site.name +
            " differs: " + apart);
  }
  return tensors == 0
      ? "no state"
      : fmt::format("{} tensors at {} sites", tensors, bench.sites().size());
}

bool is_part(double value) {
  return value >= 0 && value <= 1;
}

std::string check_statistics(GemmBench& bench) {
  size_t rows = 0;
  for (const Site& site : bench.sites()) {
    const Operands operands(bench.subject(), site, 16);
    const Instance watched = bench.make(site), plain = bench.make(site);
    StepContext context = training_context();
    Saved saved, plain_saved;
    const at::Tensor expected =
        plain->forward({operands.x}, operands.weight, context, &plain_saved);
    context.watch = true;
    expect(
        at::equal(
            watched->forward({operands.x}, operands.weight, context, &saved),
            expected),
        "y at " + site.name + " is another one when its casts are watched");
    GradRequest want;
    want.weight = operands.no_gradient();
    watched->backward(operands.grad_y, saved, operands.weight, context, want);
    for (const CastStatistics& row : watched->statistics()) {
      ++rows;
      expect(
          row.tensor == "input" || row.tensor == "weight" ||
              row.tensor == "grad_output",
          "statistics of \"" + row.tensor +
              "\"; expected input, weight or grad_output");
      expect(
          is_part(row.underflow) && is_part(row.overflow) && row.amax > 0 &&
              row.scale > 0 && !std::isnan(row.sqnr_db),
          "the statistics of " + row.tensor + " at " + site.name +
              " are not possible: amax and scale above 0, underflow and "
              "overflow between 0 and 1 expected");
    }
  }
  return rows == 0 ? "casts nothing" : "";
}

} // namespace

void check_gemm_state(GemmBench& bench, Recorder& recorder) {
  recorder.run("recompute", [&] { return check_recompute(bench); });
  recorder.run("evaluation", [&] { return check_evaluation(bench); });
  recorder.run("shared input", [&] { return check_shared_input(bench); });
  recorder.run("state", [&] { return check_state(bench); });
  recorder.run("statistics", [&] { return check_statistics(bench); });
}

} // namespace octet::conformance
