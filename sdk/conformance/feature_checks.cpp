// What a feature does to a small decoder: placed, applied and verified by the
// host's own code, then a step of training, recomputation, state, export.
#include "sdk/conformance/adamw_check.h"
#include "sdk/conformance/check.h"
#include "sdk/conformance/feature_bench.h"
#include "sdk/conformance/feature_parts.h"
#include "sdk/conformance/gemm_bench.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <map>

namespace octet::conformance {
namespace {

bool claims(const Subject& subject, const std::string& prefix) {
  const std::vector<std::string>& all = subject.entry.manifest.claims;
  return std::any_of(all.begin(), all.end(), [&](const std::string& claim) {
    return claim.rfind(prefix, 0) == 0;
  });
}

/// The summed loss of one microbatch; adds to the gradients.
double train_once(const AppliedFeature& applied, int64_t step) {
  const Microbatch batch =
      small_batch(applied.decoder->spec(), static_cast<uint32_t>(step));
  const LossSum sum =
      applied.decoder->train_microbatch(batch, training_context(step), 1);
  expect(std::isfinite(sum.loss), "the loss is not finite");
  return sum.loss;
}

double evaluate(const AppliedFeature& applied) {
  return applied.decoder
      ->evaluate(small_batch(applied.decoder->spec(), 77), evaluation_context())
      .loss;
}

StepReport report_of(int64_t step) {
  StepReport report;
  report.step = step;
  report.loss = 4.5 / static_cast<double>(step);
  report.grad_norm = 1;
  report.learning_rate = 1e-3;
  return report;
}

std::string check_accepts(const Subject& subject, std::vector<Site>& planned) {
  const auto feature = subject.feature();
  std::map<std::string, int64_t> refusals;
  const std::vector<Site> sites = small_spec().sites();
  int64_t accepted = 0;
  for (const Site& site : sites) {
    const SiteVerdict verdict = feature->accepts(site);
    const SiteVerdict again = feature->accepts(site);
    expect(
        verdict.accepted == again.accepted && verdict.reason == again.reason &&
            verdict.added_parameters == again.added_parameters &&
            verdict.slots == again.slots,
        "two verdicts on " + site.name + " differ");
    expect(
        verdict.accepted || !verdict.reason.empty(),
        "it leaves " + site.name + " alone without a reason");
    accepted += verdict.accepted ? 1 : 0;
    if (verdict.accepted && site.kind == SiteKind::linear) {
      planned.push_back(site);
    }
  }
  return fmt::format("{} of {} sites", accepted, sites.size());
}

std::string check_apply(const Subject& subject) {
  const AppliedFeature applied = apply_feature(subject);
  int64_t promised = 0, added = 0;
  for (const Site& site : small_spec().sites()) {
    const SiteVerdict verdict = subject.feature()->accepts(site);
    promised += verdict.accepted ? verdict.added_parameters : 0;
  }
  for (const Parameter* parameter : applied.added()) {
    added += parameter->master.numel();
  }
  expect(
      promised == added,
      fmt::format(
          "accepts() announces {} parameters, apply() adds {}",
          promised,
          added));
  return fmt::format("{} parameters added", added);
}

/// The loss's slope along the gradients of the added parameters.
void expect_loss_gradient(const AppliedFeature& applied) {
  applied.clear_gradients();
  const double loss = train_once(applied, 1);
  const std::vector<Parameter*> added = applied.added();
  double square = 0;
  std::vector<at::Tensor> gradients, masters;
  for (Parameter* parameter : added) {
    gradients.push_back(parameter->grad.clone());
    masters.push_back(parameter->master.clone());
    square += inner_product(gradients.back(), gradients.back());
  }
  expect(square > 0, "all gradients of the added parameters are zero");
  // Changes the loss by half a percent: far above fp32's noise, and nearly
  // straight.
  const double step = 5e-3 * loss / square;
  const auto loss_at = [&](double distance) {
    for (size_t i = 0; i < added.size(); ++i) {
      added[i]->master.copy_(masters[i]).add_(gradients[i], distance);
      ++added[i]->version;
    }
    return train_once(applied, 1);
  };
  const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
  loss_at(0);
  expect(
      std::abs(difference - square) <= 0.03 * std::max(difference, square),
      fmt::format(
          "along its gradient the loss should change by {:.5g}, differences "
          "of the loss give {:.5g}",
          square,
          difference));
}

std::string check_trains(const Subject& subject) {
  const AppliedFeature applied = apply_feature(subject);
  applied.disturb();
  train_once(applied, 1);
  const std::vector<Parameter*> added = applied.added();
  for (const Parameter* parameter : added) {
    expect(
        parameter->grad.defined() && all_finite(parameter->grad) &&
            parameter->grad.sizes() == parameter->master.sizes(),
        parameter->name + " got no finite gradient of its own shape");
  }
  applied.decoder->run_step_hooks(report_of(1));
  const bool rounds =
      claims(subject, "weight_transform") || claims(subject, "input_transform");
  if (!added.empty() && !rounds) {
    expect_loss_gradient(applied);
  }
  return "";
}

/// Logits and gradients against those of the host's ops.
std::string
expect_model_ops(const AppliedFeature& applied, Decoder& plain, double bound) {
  const Microbatch batch = small_batch(plain.spec(), 1);
  const at::Tensor expected =
      plain.logits(batch, evaluation_context()).to(at::kDouble);
  const double error = relative_error(
      applied.decoder->logits(batch, evaluation_context()), expected);
  expect(
      error <= bound,
      fmt::format(
          "logits: relative error {:.2e}, tolerance {:.2e}", error, bound));
  train_once(applied, 1);
  plain.train_microbatch(batch, training_context(), 1);
  std::map<std::string, at::Tensor> gradients;
  for (const Parameter* parameter : plain.parameters()) {
    gradients[parameter->name] = parameter->grad;
  }
  for (const Parameter* parameter : applied.decoder->parameters()) {
    const auto found = gradients.find(parameter->name);
    if (found != gradients.end()) {
      const double off = relative_error(parameter->grad, found->second);
      expect(
          off <= bound,
          fmt::format(
              "gradient of {}: relative error {:.2e}, tolerance {:.2e}",
              parameter->name,
              off,
              bound));
    }
  }
  return fmt::format("relative error of the logits {:.1e}", error);
}

std::string check_ops(const Subject& subject) {
  const std::vector<std::string>& all = subject.entry.manifest.claims;
  const auto replaced =
      std::count_if(all.begin(), all.end(), [](const std::string& claim) {
        return claim.rfind("op:", 0) == 0;
      });
  if (replaced == 0) {
    return "replaces none";
  }
  const AppliedFeature applied = apply_feature(subject);
  const auto plain = plain_decoder();
  // The errors of a whole model's worth of ops add up.
  const double bound = 10 * subject.tolerance;
  const bool adamw = claims(subject, "op:adamw");
  if (adamw) {
    expect_adamw(applied.decoder->ops().adamw(), plain->ops().adamw(), bound);
  }
  // Without an op of the model, what an adapter adds would be the difference.
  return adamw && replaced == 1 ? "adamw alone"
                                : expect_model_ops(applied, *plain, bound);
}

std::string check_recompute(const Subject& subject) {
  const AppliedFeature kept = apply_feature(subject);
  ApplySettings settings;
  settings.activation_checkpointing = true;
  const AppliedFeature recomputed = apply_feature(subject, settings);
  kept.disturb();
  recomputed.disturb();
  const double loss = train_once(kept, 1);
  expect(
      loss == train_once(recomputed, 1),
      "the loss is another one with activation checkpointing");
  const std::vector<Parameter*> expected = kept.decoder->parameters();
  const std::vector<Parameter*> found = recomputed.decoder->parameters();
  for (size_t i = 0; i < expected.size(); ++i) {
    expect(
        at::equal(found.at(i)->grad, expected[i]->grad),
        "the gradient of " + expected[i]->name +
            " is another one with activation checkpointing");
  }
  return "";
}

std::string check_evaluation(const Subject& subject) {
  const AppliedFeature applied = apply_feature(subject);
  applied.disturb();
  train_once(applied, 1);
  applied.decoder->run_step_hooks(report_of(1));
  const State before = copy_of(applied.feature->state());
  const double loss = evaluate(applied);
  expect(std::isfinite(loss), "the loss of an evaluation is not finite");
  expect(loss == evaluate(applied), "two evaluations give two losses");
  const std::string changed =
      state_difference(applied.feature->state(), before);
  expect(changed.empty(), "an evaluation changed the state: " + changed);
  return "";
}

/// Gives a second decoder the first one's values.
void copy_parameters(const AppliedFeature& from, const AppliedFeature& to) {
  const std::vector<Parameter*> source = from.decoder->parameters();
  const std::vector<Parameter*> target = to.decoder->parameters();
  expect(
      source.size() == target.size(),
      "a second instance adds another number of parameters");
  for (size_t i = 0; i < source.size(); ++i) {
    expect(
        source[i]->name == target[i]->name &&
            source[i]->master.sizes() == target[i]->master.sizes(),
        "a second instance adds other parameters than " + source[i]->name);
    target[i]->master.copy_(source[i]->master);
    ++target[i]->version;
  }
}

std::string check_state(const Subject& subject) {
  const AppliedFeature applied = apply_feature(subject);
  applied.disturb();
  for (int64_t step = 1; step <= 3; ++step) {
    train_once(applied, step);
    applied.decoder->run_step_hooks(report_of(step));
  }
  const State saved = copy_of(applied.feature->state());
  const AppliedFeature resumed = apply_feature(subject);
  copy_parameters(applied, resumed);
  resumed.feature->load(saved);
  const std::string lost = state_difference(resumed.feature->state(), saved);
  expect(lost.empty(), "after load, the state is another one: " + lost);
  for (int64_t step = 4; step <= 5; ++step) {
    expect(
        train_once(applied, step) == train_once(resumed, step),
        fmt::format("step {} gives another loss after save and load", step));
    applied.decoder->run_step_hooks(report_of(step));
    resumed.decoder->run_step_hooks(report_of(step));
  }
  const std::string apart =
      state_difference(resumed.feature->state(), applied.feature->state());
  expect(apart.empty(), "two steps after load, the state differs: " + apart);
  return saved.empty() ? "no state" : fmt::format("{} tensors", saved.size());
}

void expect_adapter_files(const AdapterFiles& files) {
  expect(
      nlohmann::json::parse(files.config_json, nullptr, false).is_object(),
      "adapter_config.json is no JSON object");
  expect(!files.tensors.empty(), "the exported adapter has no tensor");
  for (const auto& [name, tensor] : files.tensors) {
    expect(
        tensor.defined() && tensor.scalar_type() == at::kFloat,
        "the exported tensor " + name + " is not fp32");
  }
}

std::string check_export(const Subject& subject) {
  if (subject.entry.manifest.adapter_format.empty()) {
    return "no adapter format";
  }
  const AppliedFeature applied = apply_feature(subject);
  applied.disturb();
  const AdapterFiles files = applied.feature->export_adapter({"base"});
  expect_adapter_files(files);
  ApplySettings settings;
  settings.import = &files;
  const AppliedFeature imported = apply_feature(subject, settings);
  const AdapterFiles again = imported.feature->export_adapter({"base"});
  expect(
      again.tensors.size() == files.tensors.size(),
      "export after import has another number of tensors");
  for (const auto& [name, tensor] : files.tensors) {
    const auto found = again.tensors.find(name);
    expect(
        found != again.tensors.end() && at::equal(found->second, tensor),
        "export after import loses " + name);
  }
  expect(
      evaluate(applied) == evaluate(imported),
      "the imported adapter gives another loss");
  return fmt::format("{} tensors", files.tensors.size());
}

/// Adapters and transforms one by one, through an editor that keeps them.
void check_parts(
    const Subject& subject,
    const std::vector<Site>& planned,
    Recorder& recorder) {
  const auto recorded = [&] {
    const auto feature = subject.feature();
    auto editor =
        std::make_unique<RecordingEditor>(small_spec().sites(), planned);
    feature->apply(*editor);
    return std::pair(feature, std::move(editor));
  };
  recorder.run("adapters", [&] {
    const auto [feature, editor] = recorded();
    return check_adapters(*editor);
  });
  recorder.run("transforms", [&] {
    const auto [feature, editor] = recorded();
    return check_transforms(*editor);
  });
}

} // namespace

void check_feature(const Subject& subject, Recorder& recorder) {
  std::vector<Site> planned;
  const bool accepted =
      recorder.run("accepts", [&] { return check_accepts(subject, planned); });
  const bool applied =
      accepted && recorder.run("apply", [&] { return check_apply(subject); });
  if (!applied) {
    recorder.skip(
        {"adapters",
         "transforms",
         "trains",
         "ops",
         "recompute",
         "evaluation",
         "state",
         "export"},
        "needs the feature applied");
    return;
  }
  check_parts(subject, planned, recorder);
  recorder.run("trains", [&] { return check_trains(subject); });
  recorder.run("ops", [&] { return check_ops(subject); });
  recorder.run("recompute", [&] { return check_recompute(subject); });
  recorder.run("evaluation", [&] { return check_evaluation(subject); });
  recorder.run("state", [&] { return check_state(subject); });
  recorder.run("export", [&] { return check_export(subject); });
}

} // namespace octet::conformance
