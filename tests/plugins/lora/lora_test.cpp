// LoRA on a tiny decoder: against PEFT's logits and gradients, its own files,
// its dropout, and what it refuses.
#include "core/model/decoder.h"
#include "plugins/lora/adapter.h"
#include "plugins/lora/dropout.h"
#include "plugins/lora/feature.h"
#include "plugins/lora/peft_files.h"
#include "tests/core/model/fixture_tensors.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace octet {
namespace {

using testing::relative_l2;

/// What resolve does for one adapter feature: a plan of its verdicts.
Plan plan_of(const ModelSpec& spec, const Feature& feature) {
  Plan plan;
  for (const Site& site : spec.sites()) {
    SitePlan planned;
    planned.site = site;
    if (feature.accepts(site).accepted) {
      planned.placements.push_back({"lora", "adapter", ""});
    }
    plan.sites.push_back(planned);
  }
  return plan;
}

void apply(Decoder& decoder, lora::LoraFeature& feature) {
  const Plan plan = plan_of(decoder.spec(), feature);
  std::vector<LedgerEntry> ledger;
  feature.apply(*decoder.editor("lora", plan, ledger));
  size_t planned = 0;
  for (const SitePlan& site : plan.sites) {
    planned += site.placements.size();
  }
  EXPECT_EQ(ledger.size(), planned);
}

DecoderOptions frozen(at::ScalarType dtype = at::kFloat) {
  DecoderOptions options;
  options.train_base = false;
  options.compute_dtype = dtype;
  options.seed = 5;
  return options;
}

std::string read_text(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class PeftGolden : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto base = testing::model_fixture("smollm2");
    const auto folder = testing::model_fixture(GetParam());
    testing::MemoryWeights weights;
    weights.tensors = testing::read_tensors(base / "model.safetensors");
    decoder_ =
        std::make_unique<Decoder>(read_model_spec(base), weights, frozen());
    const auto golden = testing::read_tensors(base / "golden.safetensors");
    batch_ =
        testing::packed_batch(golden.at("input_ids"), golden.at("cu_seqlens"));
    golden_ = testing::read_tensors(folder / "golden.safetensors");
    files_.config_json = read_text(folder / "adapter_config.json");
    files_.tensors =
        testing::read_tensors(folder / "adapter_model.safetensors");
    feature_.import_adapter(files_);
    apply(*decoder_, feature_);
  }

  std::unique_ptr<Decoder> decoder_;
  Microbatch batch_;
  std::map<std::string, at::Tensor> golden_;
  AdapterFiles files_;
  lora::LoraFeature feature_{lora::Settings{}};
};

TEST_P(PeftGolden, LogitsAreThoseOfPeft) {
  const at::Tensor& expected = golden_.at("logits");
  const at::Tensor logits = decoder_->logits(batch_, {});
  EXPECT_LT(
      (logits - expected).abs().max().item<double>(),
      1e-5 * expected.abs().max().item<double>());
}

TEST_P(PeftGolden, GradientsAreThoseOfPeft) {
  decoder_->train_microbatch(
      batch_,
      testing::training_context(),
      1 / static_cast<double>(batch_.target_count));
  const auto parameters = decoder_->parameters();
  EXPECT_EQ(parameters.size() + 1, golden_.size());
  for (const Parameter* parameter : parameters) {
    const auto found = golden_.find("grad." + lora::peft_name(parameter->name));
    ASSERT_NE(found, golden_.end()) << parameter->name;
    EXPECT_LT(relative_l2(parameter->grad, found->second), 5e-5)
        << parameter->name;
  }
}

TEST_P(PeftGolden, MergedWeightsGiveTheAdaptersLogits) {
  testing::MemoryWeights merged;
  decoder_->export_tensors(
      true, [&](const std::string& name, const at::Tensor& tensor) {
        merged.tensors[name] = tensor;
      });
  Decoder plain(decoder_->spec(), merged, frozen());
  const at::Tensor& expected = golden_.at("logits");
  EXPECT_LT(
      (plain.logits(batch_, {}) - expected).abs().max().item<double>(),
      1e-5 * expected.abs().max().item<double>());
}

TEST_P(PeftGolden, ExportedAdapterHasPeftsNamesAndValues) {
  const AdapterFiles exported = feature_.export_adapter({"base"});
  ASSERT_EQ(exported.tensors.size(), files_.tensors.size());
  for (const auto& [name, tensor] : files_.tensors) {
    const auto found = exported.tensors.find(name);
    ASSERT_NE(found, exported.tensors.end()) << name;
    EXPECT_TRUE(at::equal(found->second, tensor)) << name;
  }
  lora::LoraFeature again{lora::Settings{}};
  again.import_adapter(exported);
  EXPECT_EQ(again.settings().alpha, feature_.settings().alpha);
  EXPECT_EQ(again.settings().rank, feature_.settings().rank);
  EXPECT_EQ(again.settings().rslora, feature_.settings().rslora);
}

INSTANTIATE_TEST_SUITE_P(
    Adapters,
    PeftGolden,
    ::testing::Values("smollm2_lora", "smollm2_rslora"),
    [](const auto& info) { return std::string(info.param); });

lora::Settings settings_with(double dropout = 0) {
  lora::Settings settings;
  settings.rank = 4;
  settings.alpha = 8;
  settings.dropout = dropout;
  return settings;
}

/// B starts at zero; this makes it count.
void fill_b(Decoder& decoder) {
  uint64_t seed = 40;
  for (Parameter* parameter : decoder.parameters()) {
    if (parameter->name.find("lora_B") != std::string::npos) {
      parameter->master.copy_(
          testing::random(parameter->master.sizes(), ++seed, 0.2));
      ++parameter->version;
    }
  }
}

TEST(Lora, FreshAdapterChangesNothingAndTrainsOnlyItself) {
  const ModelSpec spec = testing::tiny_spec();
  const auto plain = testing::make_decoder(spec, frozen());
  const auto adapted = testing::make_decoder(spec, frozen());
  lora::LoraFeature feature(settings_with());
  apply(*adapted, feature);
  const Microbatch batch = testing::random_batch(spec, {12, 9});
  EXPECT_TRUE(at::equal(plain->logits(batch, {}), adapted->logits(batch, {})));
  EXPECT_EQ(adapted->parameters().size(), 2u * 7 * 2);
}

TEST(Lora, GradientsWithDropoutAreDerivativesOfTheTrainingLoss) {
  const ModelSpec spec = testing::tiny_spec();
  const auto decoder = testing::make_decoder(spec, frozen());
  lora::LoraFeature feature(settings_with(0.3));
  apply(*decoder, feature);
  fill_b(*decoder);
  const Microbatch batch = testing::random_batch(spec, {12, 9});
  const StepContext context = testing::training_context();
  decoder->train_microbatch(batch, context, 1);
  // The masks are functions of the context, so the loss is one function.
  std::vector<at::Tensor> gradients;
  for (Parameter* parameter : decoder->parameters()) {
    gradients.push_back(parameter->grad.clone());
  }
  size_t i = 0;
  for (Parameter* parameter : decoder->parameters()) {
    const at::Tensor& gradient = gradients[i++];
    const double norm = gradient.norm().item<double>();
    const at::Tensor original = parameter->master.clone();
    const double step = 5e-2 / norm * std::min(1.0, 1 / norm);
    const auto loss_at = [&](double offset) {
      parameter->master.copy_(original + gradient * offset);
      ++parameter->version;
      return decoder->train_microbatch(batch, context, 0).loss;
    };
    const double slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    parameter->master.copy_(original);
    EXPECT_NEAR(slope / (norm * norm), 1, 2e-2) << parameter->name;
  }
}

TEST(Lora, DropoutIsAFunctionOfStepMicrobatchAndSite) {
  const at::Tensor x = at::ones({300, 64});
  StepContext context = testing::training_context();
  const uint64_t seed = lora::mask_seed(context, "a");
  EXPECT_EQ(seed, lora::mask_seed(context, "a"));
  EXPECT_NE(seed, lora::mask_seed(context, "b"));
  context.microbatch = 1;
  EXPECT_NE(seed, lora::mask_seed(context, "a"));
  context.microbatch = 0;
  context.recompute = true;
  EXPECT_EQ(seed, lora::mask_seed(context, "a"));
  const at::Tensor once = lora::dropped(x, 0.25, seed);
  EXPECT_TRUE(at::equal(once, lora::dropped(x, 0.25, seed)));
  EXPECT_NEAR(once.eq(0).to(at::kFloat).mean().item<double>(), 0.25, 0.01);
  EXPECT_NEAR(once.max().item<double>(), 1 / 0.75, 1e-6);
  EXPECT_NEAR(once.mean().item<double>(), 1, 0.02);
}

// LibTorch's meta device stands in for a GPU: it has no values.
TEST(Lora, ParametersAndMasksAreOnTheDecodersDevice) {
  DecoderOptions options = frozen();
  options.device = at::kMeta;
  const auto decoder = testing::make_decoder(testing::tiny_spec(), options);
  lora::LoraFeature dropping(settings_with(0.5));
  apply(*decoder, dropping);
  EXPECT_FALSE(decoder->parameters().empty());
  for (const Parameter* parameter : decoder->parameters()) {
    EXPECT_EQ(parameter->master.device(), at::Device(at::kMeta));
  }
  const at::Tensor x = at::ones({4, 8}, at::kBFloat16).to(at::kMeta);
  const at::Tensor y = lora::dropped(x, 0.5, 1);
  EXPECT_EQ(y.device(), at::Device(at::kMeta));
  EXPECT_EQ(y.scalar_type(), at::kBFloat16);
}

TEST(Lora, EvaluationHasNoDropout) {
  const ModelSpec spec = testing::tiny_spec();
  const auto with = testing::make_decoder(spec, frozen());
  const auto without = testing::make_decoder(spec, frozen());
  lora::LoraFeature dropping(settings_with(0.5)), plain(settings_with());
  apply(*with, dropping);
  apply(*without, plain);
  fill_b(*with);
  fill_b(*without);
  const Microbatch batch = testing::random_batch(spec, {12});
  EXPECT_EQ(with->evaluate(batch, {}).loss, without->evaluate(batch, {}).loss);
  const StepContext training = testing::training_context();
  EXPECT_NE(
      with->train_microbatch(batch, training, 1).loss,
      without->train_microbatch(batch, training, 1).loss);
}

TEST(Lora, CheckpointedActivationsGiveTheSameBitsWithDropout) {
  const ModelSpec spec = testing::tiny_spec();
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    DecoderOptions options = frozen(dtype);
    const auto kept = testing::make_decoder(spec, options);
    options.activation_checkpointing = true;
    const auto recomputed = testing::make_decoder(spec, options);
    lora::LoraFeature a(settings_with(0.3)), b(settings_with(0.3));
    apply(*kept, a);
    apply(*recomputed, b);
    fill_b(*kept);
    fill_b(*recomputed);
    const Microbatch batch = testing::random_batch(spec, {12, 9});
    const StepContext context = testing::training_context();
    kept->train_microbatch(batch, context, 0.1);
    recomputed->train_microbatch(batch, context, 0.1);
    const auto first = kept->parameters(), second = recomputed->parameters();
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_TRUE(at::equal(first[i]->grad, second[i]->grad)) << first[i]->name;
    }
  }
}

TEST(Lora, InitialValuesDependOnSeedAndSiteAlone) {
  const ModelSpec spec = testing::tiny_spec();
  const auto all = testing::make_decoder(spec, frozen());
  const auto some = testing::make_decoder(spec, frozen());
  lora::LoraFeature everywhere(settings_with());
  lora::Settings narrow = settings_with();
  narrow.targets = {"up_proj"};
  lora::LoraFeature few(narrow);
  apply(*all, everywhere);
  apply(*some, few);
  EXPECT_EQ(some->parameters().size(), 2u * 2);
  for (const Parameter* parameter : some->parameters()) {
    bool found = false;
    for (const Parameter* other : all->parameters()) {
      if (other->name == parameter->name) {
        found = at::equal(other->master, parameter->master);
      }
    }
    EXPECT_TRUE(found) << parameter->name;
  }
  const at::Tensor a = all->parameters()[0]->master;
  EXPECT_LE(a.abs().max().item<double>(), 1 / std::sqrt(32.0));
  EXPECT_GT(a.abs().max().item<double>(), 0.9 / std::sqrt(32.0));
  EXPECT_FALSE(at::equal(a, all->parameters()[2]->master));
}

TEST(Lora, AllLinearLeavesTheHeadOutUnlessNamed) {
  lora::LoraFeature all(settings_with());
  lora::Settings named = settings_with();
  named.targets = {"lm_head"};
  lora::LoraFeature head(named);
  Site site;
  site.role = site.name = "lm_head";
  EXPECT_FALSE(all.accepts(site).accepted);
  EXPECT_TRUE(head.accepts(site).accepted);
}

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Lora, UnknownTargetsAreNamedWithTheModelsRoles) {
  const ModelSpec spec = testing::tiny_spec();
  const auto decoder = testing::make_decoder(spec, frozen());
  lora::Settings settings = settings_with();
  settings.targets = {"q_proj", "qkv_proj", "fc1"};
  lora::LoraFeature feature(settings);
  const std::string text = message_of([&] { apply(*decoder, feature); });
  EXPECT_NE(text.find("fc1, qkv_proj"), std::string::npos) << text;
  EXPECT_NE(text.find("gate_proj"), std::string::npos) << text;
}

TEST(Lora, MergingIntoAWeightThatAnotherLayerUsesIsRefused) {
  ModelSpec spec = testing::tiny_spec();
  spec.tied_embeddings = true;
  const auto decoder = testing::make_decoder(spec, frozen());
  lora::Settings settings = settings_with();
  settings.targets = {"lm_head"};
  lora::LoraFeature feature(settings);
  apply(*decoder, feature);
  const std::string text = message_of([&] {
    decoder->export_tensors(true, [](const std::string&, const at::Tensor&) {});
  });
  EXPECT_NE(text.find("lm_head"), std::string::npos) << text;
}

TEST(LoraFiles, WhatOctetDoesNotDoIsRefusedAllAtOnce) {
  const std::string text = message_of([] {
    lora::parse_peft_config(
        R"({"peft_type": "LORA", "r": 4, "lora_alpha": 8, "use_dora": true,
            "bias": "all", "modules_to_save": ["embed_tokens"]})");
  });
  EXPECT_NE(text.find("use_dora"), std::string::npos) << text;
  EXPECT_NE(text.find("bias"), std::string::npos) << text;
  EXPECT_NE(text.find("modules_to_save"), std::string::npos) << text;
}

TEST(LoraFiles, BrokenConfigsAreErrors) {
  for (const char* config :
       {"",
        "[]",
        "{\"peft_type\": \"IA3\"}",
        "{\"peft_type\": \"LORA\", \"r\": 0}",
        "{\"peft_type\": \"LORA\", \"r\": \"four\"}"}) {
    EXPECT_THROW(lora::parse_peft_config(config), Error) << config;
  }
}

TEST(LoraFiles, OddTensorsAreErrors) {
  const at::Tensor matrix = at::ones({2, 3});
  const std::string a = "base_model.model.x.lora_A.weight";
  const std::string b = "base_model.model.x.lora_B.weight";
  EXPECT_THROW(lora::parse_peft_tensors({}), Error);
  EXPECT_THROW(lora::parse_peft_tensors({{a, matrix}}), Error);
  EXPECT_THROW(
      lora::parse_peft_tensors({{a, matrix}, {b, at::ones({3})}}), Error);
  EXPECT_THROW(
      lora::parse_peft_tensors({{a, matrix}, {b, matrix}, {"x", matrix}}),
      Error);
  EXPECT_EQ(lora::parse_peft_tensors({{a, matrix}, {b, matrix}}).size(), 2u);
}

TEST(LoraFiles, AdapterOfAnotherModelIsRefused) {
  const ModelSpec spec = testing::tiny_spec();
  const auto decoder = testing::make_decoder(spec, frozen());
  lora::LoraFeature feature(settings_with());
  const std::string site = "model.layers.7.mlp.up_proj";
  feature.import_adapter(
      {R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4})",
       {{lora::peft_name(lora::a_name(site)), at::ones({2, 32})},
        {lora::peft_name(lora::b_name(site)), at::ones({48, 2})}}});
  const std::string text = message_of([&] { apply(*decoder, feature); });
  EXPECT_NE(text.find("layers.7"), std::string::npos) << text;
}

} // namespace
} // namespace octet
