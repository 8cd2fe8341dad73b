// See the header.
#include "sdk/conformance/gemm_bench.h"

#include "sdk/conformance/check.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace octet::conformance {
namespace {

Site linear(
    const char* role,
    const char* group,
    int64_t inputs,
    int64_t outputs) {
  Site site;
  site.layer = std::string(role) == "lm_head" ? -1 : 0;
  const std::string block = std::string(group) == "qkv" ? "self_attn." : "mlp.";
  site.name = site.layer < 0 ? role : "model.layers.0." + block + role;
  site.role = role;
  site.group = site.layer < 0 ? role : "model.layers.0." + block + group;
  site.in_features = inputs;
  site.out_features = outputs;
  site.weight = site.name + ".weight";
  return site;
}

at::Tensor exact_in(at::ScalarType dtype, const at::Tensor& value) {
  return value.to(dtype).to(at::kFloat);
}

} // namespace

std::vector<Site> linear_sites() {
  return {
      linear("q_proj", "qkv", 64, 64),
      linear("k_proj", "qkv", 64, 32),
      linear("v_proj", "qkv", 64, 32),
      linear("down_proj", "down_proj", 160, 64),
      linear("lm_head", "lm_head", 64, 320),
      linear("up_proj", "gate_up", 512, 1024)};
}

Site embedding_site() {
  Site site;
  site.name = "model.embed_tokens";
  site.kind = SiteKind::embedding;
  site.role = "embed_tokens";
  site.group = site.name;
  site.in_features = 64;
  site.out_features = 320;
  site.weight = site.name + ".weight";
  return site;
}

StepContext training_context(int64_t step, int64_t microbatch) {
  StepContext context;
  context.step = step;
  context.microbatch = microbatch;
  context.first_microbatch = microbatch == 0;
  context.training = true;
  context.seed = 42;
  return context;
}

StepContext evaluation_context() {
  StepContext context;
  context.view = ModelView::evaluation;
  context.seed = 42;
  return context;
}

Operands::Operands(
    const Subject& subject,
    const Site& site,
    int64_t rows,
    uint64_t seed)
    : x(random({rows, site.in_features}, 3 * seed).to(subject.dtype)),
      grad_y(random({rows, site.out_features}, 3 * seed + 1).to(subject.dtype)),
      weight(
          exact_in(
              subject.dtype,
              random(
                  {site.out_features, site.in_features},
                  3 * seed + 2,
                  1 / std::sqrt(static_cast<double>(site.in_features)))),
          /*frozen=*/false),
      frozen(weight.value().to(subject.dtype), /*frozen=*/true) {}

at::Tensor Operands::y() const {
  return at::matmul(x.to(at::kDouble), weight.value().to(at::kDouble).t());
}

at::Tensor Operands::grad_x() const {
  return at::matmul(grad_y.to(at::kDouble), weight.value().to(at::kDouble));
}

at::Tensor Operands::grad_w() const {
  return at::matmul(grad_y.to(at::kDouble).t(), x.to(at::kDouble));
}

at::Tensor Operands::no_gradient() const {
  return zeros(weight.value().sizes());
}

StepResult
train_step(const Instance& instance, const Operands& operands, int64_t step) {
  const StepContext context = training_context(step);
  const double growth = 1 + 0.75 * static_cast<double>(step % 3);
  Saved saved;
  Gemm& gemm = *instance;
  StepResult result;
  result.y =
      gemm.forward({operands.x * growth}, operands.weight, context, &saved);
  GradRequest want;
  want.weight = operands.no_gradient();
  result.grad_x = gemm.backward(
      (operands.grad_y * growth).contiguous(),
      saved,
      operands.weight,
      context,
      want);
  result.grad_w = want.weight;
  instance.backend->end_microbatch(context);
  instance.backend->end_step(context);
  return result;
}

std::string difference(const StepResult& a, const StepResult& b) {
  return !at::equal(a.y, b.y)          ? "y"
      : !at::equal(a.grad_x, b.grad_x) ? "grad_x"
      : !at::equal(a.grad_w, b.grad_w) ? "grad_w"
                                       : "";
}

std::string GemmBench::ask() {
  const std::shared_ptr<PrecisionBackend> backend = subject_.backend();
  std::map<std::string, int64_t> refusals;
  std::vector<Site> all = linear_sites();
  all.push_back(embedding_site());
  for (const Site& site : all) {
    const SiteVerdict verdict = backend->accepts(site);
    const SiteVerdict again = backend->accepts(site);
    expect(
        verdict.accepted == again.accepted && verdict.reason == again.reason,
        "two verdicts on " + site.name + " differ");
    expect(
        verdict.accepted || !verdict.reason.empty(),
        "it leaves " + site.name + " alone without a reason");
    if (!verdict.accepted) {
      ++refusals[verdict.reason];
    } else if (site.kind == SiteKind::linear) {
      sites_.push_back(site);
    }
  }
  std::string reasons;
  for (const auto& [reason, count] : refusals) {
    reasons +=
        fmt::format("{}{} ({})", reasons.empty() ? "" : ", ", reason, count);
  }
  expect(
      !sites_.empty(),
      "it accepts none of " + std::to_string(all.size()) +
          " sites: " + reasons);
  return fmt::format(
      "{} of {} sites{}",
      sites_.size(),
      all.size(),
      reasons.empty() ? "" : "; " + reasons);
}

Instance GemmBench::make(const Site& site) const {
  std::shared_ptr<PrecisionBackend> backend = subject_.backend();
  std::unique_ptr<Gemm> gemm = make(*backend, site);
  return {std::move(backend), std::move(gemm)};
}

std::unique_ptr<Gemm> GemmBench::make(
    PrecisionBackend& backend,
    const Site& site) {
  std::unique_ptr<Gemm> gemm = backend.make_gemm(site);
  expect(gemm != nullptr, "make_gemm gave nothing for " + site.name);
  return gemm;
}

void GemmBench::expect_close(
    const at::Tensor& found,
    const at::Tensor& expected,
    const std::string& what,
    const Site& site,
    int64_t rows) const {
  const std::string where = fmt::format(
      "{} of {} rows at {} [{}, {}]",
      what,
      rows,
      site.name,
      site.out_features,
      site.in_features);
  expect(found.defined(), where + ": expected a tensor, found none");
  expect(
      found.sizes() == expected.sizes(),
      fmt::format(
          "{}: expected the shape [{}], found [{}]",
          where,
          fmt::join(expected.sizes(), ", "),
          fmt::join(found.sizes(), ", ")));
  expect(
      what.rfind("grad_w", 0) == 0 || found.scalar_type() == subject_.dtype,
      fmt::format(
          "{}: expected {}, found {}",
          where,
          at::toString(subject_.dtype),
          at::toString(found.scalar_type())));
  expect(all_finite(found), where + " has NaN or infinite values");
  const double error = relative_error(found, expected);
  worst_ = std::max(worst_, error);
  expect(
      error <= subject_.tolerance,
      fmt::format(
          "{}: relative error {:.2e}, tolerance {:.2e}",
          where,
          error,
          subject_.tolerance));
}

std::string GemmBench::worst() const {
  return fmt::format("largest relative error {:.1e}", worst_);
}

} // namespace octet::conformance
