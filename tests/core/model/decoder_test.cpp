// What must hold for any decoder: gradients are derivatives of the loss,
// packing changes nothing, chunks and checkpointing change nothing.
#include "core/model/decoder.h"

#include "core/model/kv_cache.h"
#include "tests/core/model/recording_backend.h"
#include "tests/core/model/tiny_model.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <cmath>

namespace octet {
namespace {

using testing::make_decoder;
using testing::random_batch;
using testing::relative_l2;
using testing::tiny_spec;
using testing::training_context;

ModelSpec everything_spec() {
  ModelSpec spec = tiny_spec();
  spec.qkv_bias = spec.output_bias = spec.mlp_bias = true;
  spec.qk_norm = true;
  spec.windows = {0, 5};
  return spec;
}

TEST(Decoder, GradientsAreDerivativesOfTheLoss) {
  const ModelSpec spec = everything_spec();
  const auto decoder = make_decoder(spec);
  const Microbatch batch = random_batch(spec, {9, 14});
  decoder->train_microbatch(batch, training_context(), 1.0);
  // fp32 losses limit the difference quotient, so the step is large and the
  // direction is the gradient itself: the derivative is then |gradient|.
  for (Parameter* parameter : decoder->parameters()) {
    const at::Tensor gradient = parameter->grad.clone();
    const double norm = gradient.norm().item<double>();
    ASSERT_GT(norm, 0) << parameter->name;
    const double step = 2e-2 / norm * std::min(1.0, 1 / norm);
    const at::Tensor original = parameter->master.clone();
    const auto loss_at = [&](double offset) {
      parameter->master.copy_(original + gradient * offset);
      ++parameter->version;
      return decoder->evaluate(batch, {}).loss;
    };
    const double slope = (loss_at(step) - loss_at(-step)) / (2 * step);
    parameter->master.copy_(original);
    EXPECT_NEAR(slope / (norm * norm), 1, 2e-2) << parameter->name;
  }
}

TEST(Decoder, PackedSequencesGiveTheLossAndGradientsOfSingleOnes) {
  const ModelSpec spec = everything_spec();
  const auto packed = make_decoder(spec);
  const auto single = make_decoder(spec);
  const Microbatch batch = random_batch(spec, {12, 1, 31, 7});
  const LossSum together =
      packed->train_microbatch(batch, training_context(), 0.01);
  LossSum apart;
  for (size_t i = 0; i + 1 < batch.cu_seqlens.size(); ++i) {
    const LossSum one = single->train_microbatch(
        testing::sequence_of(batch, i), training_context(), 0.01);
    apart.loss += one.loss;
    apart.targets += one.targets;
  }
  EXPECT_EQ(together.targets, batch.target_count);
  EXPECT_EQ(apart.targets, batch.target_count);
  EXPECT_NEAR(together.loss / apart.loss, 1, 1e-6);
  const auto a = packed->parameters(), b = single->parameters();
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_LT(relative_l2(a[i]->grad, b[i]->grad), 2e-5) << a[i]->name;
  }
}

TEST(Decoder, RowsOfZerosBehindTheTokensChangeNothing) {
  const ModelSpec spec = everything_spec();
  for (const bool checkpointing : {false, true}) {
    DecoderOptions options;
    options.activation_checkpointing = checkpointing;
    const auto plain = make_decoder(spec, options);
    options.row_multiple = 16;
    const auto filled = make_decoder(spec, options);
    const Microbatch batch = random_batch(spec, {12, 1, 8});
    const double a =
        plain->train_microbatch(batch, training_context(), 0.01).loss;
    const double b =
        filled->train_microbatch(batch, training_context(), 0.01).loss;
    EXPECT_NEAR(a / b, 1, 1e-6);
    EXPECT_NEAR(
        plain->evaluate(batch, {}).loss / filled->evaluate(batch, {}).loss,
        1,
        1e-6);
    EXPECT_EQ(filled->logits(batch, {}).size(0), 21);
    const auto expected = plain->parameters(), found = filled->parameters();
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_LT(relative_l2(found[i]->grad, expected[i]->grad), 2e-5)
          << expected[i]->name;
    }
  }
}

// Else a backend's scales and histories would depend on them.
TEST(Decoder, RowsThatFillTheBatchUpAreZeroInEveryProduct) {
  const ModelSpec spec = everything_spec();
  const Microbatch batch = random_batch(spec, {12, 1, 8});
  for (const bool checkpointing : {false, true}) {
    DecoderOptions options;
    options.activation_checkpointing = checkpointing;
    options.row_multiple = 16;
    const auto decoder = make_decoder(spec, options);
    testing::RecordingBackend backend;
    decoder->use_backend(
        "recorder", backend, testing::gemm_plan(spec, [](const Site&) {
          return "recorder";
        }));
    decoder->train_microbatch(batch, training_context(), 0.01);
    decoder->evaluate(batch, {});
    int64_t seen = 0;
    for (const testing::Call& call : backend.calls) {
      if (call.site == "lm_head") {
        continue; // works on the rows that have a target
      }
      ASSERT_EQ(call.read.size(0), 32) << call.site;
      EXPECT_EQ(call.read.slice(0, 21).count_nonzero().item<int64_t>(), 0)
          << call.what << " of " << call.site;
      EXPECT_GT(call.read.slice(0, 0, 21).count_nonzero().item<int64_t>(), 0)
          << call.what << " of " << call.site;
      ++seen;
    }
    EXPECT_EQ(seen, 2 * 7 * (checkpointing ? 4 : 3));
  }
}

TEST(Decoder, ChangedTokensOfOneSequenceLeaveTheOthersBitUnchanged) {
  const ModelSpec spec = everything_spec();
  const auto decoder = make_decoder(spec);
  Microbatch batch = random_batch(spec, {12, 20, 31});
  const at::Tensor before = decoder->logits(batch, {});
  for (size_t i = 12; i < 32; ++i) {
    batch.tokens[i] = (batch.tokens[i] + 5) % spec.vocab_size;
  }
  const at::Tensor after = decoder->logits(batch, {});
  EXPECT_TRUE(at::equal(before.slice(0, 0, 12), after.slice(0, 0, 12)));
  EXPECT_TRUE(at::equal(before.slice(0, 32), after.slice(0, 32)));
  EXPECT_FALSE(at::equal(before.slice(0, 12, 32), after.slice(0, 12, 32)));
}

TEST(Decoder, ActivationCheckpointingGivesTheSameBits) {
  for (const auto dtype : {at::kFloat, at::kBFloat16}) {
    const ModelSpec spec = everything_spec();
    DecoderOptions options;
    options.compute_dtype = dtype;
    const auto kept = make_decoder(spec, options);
    options.activation_checkpointing = true;
    const auto recomputed = make_decoder(spec, options);
    const Microbatch batch = random_batch(spec, {12, 31});
    const auto context = training_context();
    EXPECT_EQ(
        kept->train_microbatch(batch, context, 0.1).loss,
        recomputed->train_microbatch(batch, context, 0.1).loss);
    const auto a = kept->parameters(), b = recomputed->parameters();
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(at::equal(a[i]->grad, b[i]->grad)) << a[i]->name;
    }
  }
}

TEST(Decoder, SameInputGivesTheSameBits) {
  const ModelSpec spec = everything_spec();
  const auto first = make_decoder(spec), second = make_decoder(spec);
  const Microbatch batch = random_batch(spec, {40, 31});
  first->train_microbatch(batch, training_context(), 0.1);
  second->train_microbatch(batch, training_context(), 0.1);
  const auto a = first->parameters(), b = second->parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(at::equal(a[i]->grad, b[i]->grad)) << a[i]->name;
  }
}

TEST(Decoder, GradientsAddUpOverMicrobatches) {
  const ModelSpec spec = tiny_spec();
  const auto once = make_decoder(spec), twice = make_decoder(spec);
  const Microbatch batch = random_batch(spec, {21});
  once->train_microbatch(batch, training_context(), 0.2);
  twice->train_microbatch(batch, training_context(), 0.1);
  twice->train_microbatch(batch, training_context(), 0.1);
  const auto a = once->parameters(), b = twice->parameters();
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_LT(relative_l2(b[i]->grad, a[i]->grad), 1e-6) << a[i]->name;
  }
}

TEST(Decoder, TiedEmbeddingSumsTheGradientsOfBothUses) {
  ModelSpec spec = tiny_spec();
  spec.tied_embeddings = true;
  const auto tied = make_decoder(spec);
  testing::MemoryWeights weights = testing::random_weights(spec, 7);
  weights.tensors["lm_head.weight"] =
      weights.tensors.at("model.embed_tokens.weight");
  spec.tied_embeddings = false;
  Decoder untied(spec, weights, {});
  const Microbatch batch = random_batch(spec, {21});
  tied->train_microbatch(batch, training_context(), 0.1);
  untied.train_microbatch(batch, training_context(), 0.1);
  std::map<std::string, at::Tensor> grads;
  for (Parameter* parameter : untied.parameters()) {
    grads[parameter->name] = parameter->grad;
  }
  EXPECT_EQ(tied->parameters().size() + 1, untied.parameters().size());
  const at::Tensor sum =
      grads["model.embed_tokens.weight"] + grads["lm_head.weight"];
  EXPECT_EQ(tied->parameters().front()->name, "model.embed_tokens.weight");
  EXPECT_LT(relative_l2(tied->parameters().front()->grad, sum), 1e-6);
}

TEST(Decoder, ExtendGivesTheLogitsOfTheFullForward) {
  const ModelSpec spec = everything_spec();
  const auto decoder = make_decoder(spec);
  const Microbatch batch = random_batch(spec, {23});
  const at::Tensor full = decoder->logits(batch, {});
  const auto cache = decoder->new_cache();
  const double largest = full.abs().max().item<double>();
  const auto tokens = [&](size_t begin, size_t end) {
    return std::vector<int32_t>(
        batch.tokens.begin() + static_cast<int64_t>(begin),
        batch.tokens.begin() + static_cast<int64_t>(end));
  };
  // A prompt, a longer continuation, then token by token.
  size_t done = 0;
  for (const size_t next : {9, 16, 17, 18, 19, 20, 21, 22, 23}) {
    const at::Tensor last = decoder->extend(tokens(done, next), *cache, {});
    done = next;
    const double difference = (last - full[static_cast<int64_t>(next) - 1])
                                  .abs()
                                  .max()
                                  .item<double>();
    EXPECT_LT(difference, 1e-5 * largest) << next;
  }
  EXPECT_EQ(cache->length(), 23);
}

TEST(Decoder, FrozenBaseHasNoParametersAndKeepsTheComputeDtype) {
  DecoderOptions options;
  options.train_base = false;
  options.compute_dtype = at::kBFloat16;
  const ModelSpec spec = tiny_spec();
  const auto decoder = make_decoder(spec, options);
  EXPECT_TRUE(decoder->parameters().empty());
  decoder->train_microbatch(random_batch(spec, {12}), training_context(), 0.1);
  decoder->export_tensors(
      false, [](const std::string& name, const at::Tensor& tensor) {
        EXPECT_EQ(tensor.scalar_type(), at::kBFloat16) << name;
      });
}

TEST(Decoder, EveryLinearIsCalledOnceAMicrobatch) {
  const ModelSpec spec = tiny_spec();
  const auto decoder = make_decoder(spec);
  decoder->train_microbatch(random_batch(spec, {12}), training_context(), 0.1);
  decoder->train_microbatch(random_batch(spec, {12}), training_context(), 0.1);
  const auto counts = decoder->call_counts();
  EXPECT_EQ(counts.size(), 7u * 2 + 1);
  for (const auto& [name, count] : counts) {
    EXPECT_EQ(count, (CallCount{2, 2})) << name;
  }
  decoder->reset_call_counts();
  EXPECT_EQ(decoder->call_counts().at("lm_head"), CallCount{});
}

TEST(Decoder, PaddingTokenGetsNoGradientFromTheEmbedding) {
  ModelSpec spec = tiny_spec();
  spec.pad_token = 3;
  const auto decoder = make_decoder(spec);
  Microbatch batch = random_batch(spec, {12});
  batch.tokens[4] = 3;
  decoder->train_microbatch(batch, training_context(), 0.1);
  const at::Tensor grad = decoder->parameters().front()->grad;
  EXPECT_EQ(grad[3].abs().max().item<float>(), 0);
  EXPECT_GT(grad[batch.tokens[5]].abs().max().item<float>(), 0);
}

TEST(Decoder, TokenOutsideTheVocabularyIsAnError) {
  const ModelSpec spec = tiny_spec();
  const auto decoder = make_decoder(spec);
  Microbatch batch = random_batch(spec, {12});
  batch.tokens[4] = spec.vocab_size;
  EXPECT_THROW(decoder->evaluate(batch, {}), Error);
  batch.tokens[4] = 0;
  batch.targets[4] = -1;
  EXPECT_THROW(decoder->evaluate(batch, {}), Error);
}

TEST(Decoder, BordersThatDoNotFitTheTokensAreAnError) {
  const ModelSpec spec = tiny_spec();
  const auto decoder = make_decoder(spec);
  Microbatch batch = random_batch(spec, {12});
  batch.cu_seqlens = {0, 11};
  EXPECT_THROW(decoder->evaluate(batch, {}), Error);
}

TEST(Decoder, MisshapenTensorsAreAllNamed) {
  const ModelSpec spec = tiny_spec();
  testing::MemoryWeights weights = testing::random_weights(spec, 7);
  weights.tensors["model.norm.weight"] = at::ones({31});
  weights.tensors["model.layers.1.mlp.up_proj.weight"] = at::ones({2, 2});
  try {
    Decoder decoder(spec, weights, {});
    FAIL() << "a decoder of misshapen tensors";
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("model.norm.weight"), std::string::npos) << text;
    EXPECT_NE(text.find("layers.1.mlp.up_proj"), std::string::npos) << text;
  }
}

TEST(Decoder, MicrobatchWithoutTargetsHasNoLossAndNoGradient) {
  const ModelSpec spec = tiny_spec();
  const auto decoder = make_decoder(spec);
  Microbatch batch = random_batch(spec, {12});
  std::fill(batch.targets.begin(), batch.targets.end(), kIgnoreTarget);
  const LossSum sum = decoder->train_microbatch(batch, training_context(), 0.1);
  EXPECT_EQ(sum.targets, 0);
  EXPECT_EQ(sum.loss, 0);
}

} // namespace
} // namespace octet
