// See the header. The model's products are ATen's own in fp32, from a backend
// that lives here, so that nothing depends on another plugin.
#include "sdk/conformance/feature_bench.h"

#include "core/model/weight_set.h"
#include "core/train/run_plugins.h"
#include "sdk/conformance/check.h"
#include "sdk/conformance/numbers.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>

#include <random>

namespace octet::conformance {
namespace {

class PlainGemm : public Gemm {
 public:
  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext&,
      Saved* saved) override {
    if (saved != nullptr && !w.frozen()) {
      saved->tensors = {x.value};
    }
    return at::linear(x.value, w.materialize(at::kFloat));
  }
  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext&,
      const GradRequest& want) override {
    if (want.weight.defined()) {
      want.weight.addmm_(grad_y.t(), saved.tensors.at(0));
    }
    return want.input ? at::mm(grad_y, w.materialize(at::kFloat))
                      : at::Tensor();
  }
};

class PlainBackend : public PrecisionBackend {
 public:
  SiteVerdict accepts(const Site& site) const override {
    return site.kind == SiteKind::linear
        ? SiteVerdict::yes()
        : SiteVerdict::skip("an embedding has no matrix product");
  }
  std::unique_ptr<Gemm> make_gemm(const Site&) override {
    return std::make_unique<PlainGemm>();
  }
};

/// Random weights of a size at which every path matters for the loss.
class RandomWeights : public WeightSet {
 public:
  explicit RandomWeights(const ModelSpec& spec) : shapes_(spec.tensors()) {}

  std::vector<std::string> names() const override {
    std::vector<std::string> names;
    for (const auto& [name, shape] : shapes_) {
      names.push_back(name);
    }
    return names;
  }
  at::Tensor load(const std::string& name, at::ScalarType dtype)
      const override {
    const auto place = shapes_.find(name);
    expect(place != shapes_.end(), "no weight " + name);
    const auto seed =
        static_cast<uint64_t>(std::distance(shapes_.begin(), place));
    const bool norm = name.find("norm") != std::string::npos;
    const at::Tensor value =
        random(place->second, 100 + seed, norm ? 0.2 : 0.1);
    return (norm ? value + 1 : value).to(dtype).contiguous();
  }

 private:
  std::map<std::string, std::vector<int64_t>> shapes_;
};

const CatalogEntry& plain_entry() {
  static const CatalogEntry entry = [] {
    CatalogEntry made;
    made.manifest.name = "conformance-plain";
    made.manifest.kind = PluginKind::precision;
    made.manifest.compute = "fp32";
    made.manifest.claims = {"gemm"};
    made.manifest.reads = {"dense"};
    return made;
  }();
  return entry;
}

} // namespace

ModelSpec small_spec() {
  ModelSpec spec;
  spec.architecture = "LlamaForCausalLM";
  spec.model_type = "llama";
  spec.vocab_size = 96;
  spec.hidden_size = 64;
  spec.intermediate_size = 96;
  spec.layers = 2;
  spec.heads = 4;
  spec.kv_heads = 2;
  spec.head_size = 16;
  spec.max_positions = 128;
  spec.rms_norm_eps = 1e-5;
  spec.windows = {0, 0};
  return spec;
}

Microbatch small_batch(const ModelSpec& spec, uint32_t seed) {
  std::mt19937 engine(seed);
  Microbatch batch;
  batch.cu_seqlens = {0};
  for (const int64_t length : {9, 14}) {
    for (int64_t i = 0; i < length; ++i) {
      batch.tokens.push_back(static_cast<int64_t>(
          engine() % static_cast<uint32_t>(spec.vocab_size)));
      batch.positions.push_back(i);
      batch.targets.push_back(
          i + 1 < length
              ? static_cast<int64_t>(
                    engine() % static_cast<uint32_t>(spec.vocab_size))
              : kIgnoreTarget);
    }
    batch.target_count += length - 1;
    batch.cu_seqlens.push_back(static_cast<int64_t>(batch.tokens.size()));
  }
  return batch;
}

std::vector<Parameter*> AppliedFeature::added() const {
  const auto base = decoder->spec().tensors();
  std::vector<Parameter*> result;
  for (Parameter* parameter : decoder->parameters()) {
    if (!base.contains(parameter->name)) {
      result.push_back(parameter);
    }
  }
  return result;
}

void AppliedFeature::disturb() const {
  uint64_t seed = 500;
  for (Parameter* parameter : added()) {
    parameter->master.add_(random(parameter->master.sizes(), ++seed, 0.1));
    ++parameter->version;
  }
}

void AppliedFeature::clear_gradients() const {
  for (Parameter* parameter : decoder->parameters()) {
    if (parameter->grad.defined()) {
      parameter->grad.zero_();
    }
  }
}

AppliedFeature apply_feature(
    const Subject& subject,
    const ApplySettings& settings) {
  const ModelSpec spec = small_spec();
  const Manifest& manifest = subject.entry.manifest;
  AppliedFeature applied;
  applied.feature = subject.feature();
  if (settings.import != nullptr) {
    applied.feature->import_adapter(*settings.import);
  }
  applied.backend = std::make_shared<PlainBackend>();
  RunPlugins plugins;
  plugins.backends = {{plain_entry().manifest.name, applied.backend}};
  plugins.features.push_back(
      {manifest.name,
       manifest.adapter_format,
       manifest.freezes_base,
       applied.feature});
  Selection selection;
  selection.precision.entry = &plain_entry();
  selection.features.push_back({&subject.entry, subject.options, "asked"});
  applied.plan = place_plugins(
      std::move(selection), spec, ask_plugins(plugins, spec.sites()));
  DecoderOptions options;
  options.train_base = applied.plan.trains_base;
  options.activation_checkpointing = settings.activation_checkpointing;
  options.seed = 42;
  applied.decoder =
      std::make_unique<Decoder>(spec, RandomWeights(spec), options);
  apply_plugins(plugins, applied.plan, *applied.decoder);
  return applied;
}

std::unique_ptr<Decoder> plain_decoder() {
  const ModelSpec spec = small_spec();
  DecoderOptions options;
  options.seed = 42;
  return std::make_unique<Decoder>(spec, RandomWeights(spec), options);
}

} // namespace octet::conformance
