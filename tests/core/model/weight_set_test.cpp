// Weights under Hugging Face names, against what transformers loads from the
// same files.
#include "core/model/weight_set.h"

#include "core/io/safetensors.h"
#include "core/io/stored_type.h"

#include "tests/core/io/gguf_builder.h"
#include "tests/core/io/io_testing.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/sum.h>
#include <ATen/TensorOperators.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using testing::fixture;
using testing::get;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::put;
using testing::TempFolder;
using testing::values_of;

class GgufWeights : public ::testing::TestWithParam<const char*> {};

TEST_P(GgufWeights, AreThoseThatTransformersLoads) {
  const std::string base = std::string("weights/") + GetParam();
  const auto path = fixture(base + ".gguf");
  const ModelSpec spec = read_model_spec(path);
  const auto weights = open_weights(path, spec);
  // transformers' fp32 weights, rounded to bf16.
  const auto expected = open_safetensors(fixture(base + ".safetensors"));
  ASSERT_EQ(spec.tensors().size(), expected->tensors().size());
  for (const auto& [name, shape] : spec.tensors()) {
    const auto bits = values_of<uint16_t>(*expected, name);
    const at::Tensor theirs =
        at::from_blob(const_cast<uint16_t*>(bits.data()), shape, at::kBFloat16)
            .clone();
    EXPECT_TRUE(at::equal(weights->load(name, at::kBFloat16), theirs)) << name;
    EXPECT_TRUE(
        at::equal(weights->load(name, at::kFloat).to(at::kBFloat16), theirs))
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Fixtures,
    GgufWeights,
    ::testing::Values("llama", "qwen2", "qwen3"));

TEST(GgufWeightsBiases, HaveLlamaCppsOrderOfRowsUndone) {
  const json bias = json::parse(get(fixture("weights/llama_bias.json")));
  const std::vector<float> stored = bias["stored"];
  // A file of one layer with the bias among zeros.
  GgufBuilder builder;
  builder.string("general.architecture", "llama")
      .integer("llama.embedding_length", 64)
      .integer("llama.block_count", 1)
      .integer("llama.feed_forward_length", 32)
      .integer("llama.attention.head_count", 4)
      .integer("llama.context_length", 32)
      .real("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .tensor("blk.0.attn_q.bias", {64});
  for (const char* name :
       {"blk.0.attn_k.bias",
        "blk.0.attn_v.bias",
        "blk.0.attn_output.bias",
        "blk.0.attn_norm.weight",
        "blk.0.ffn_norm.weight",
        "output_norm.weight"}) {
    builder.tensor(name, {64});
  }
  for (const char* name :
       {"blk.0.attn_q.weight",
        "blk.0.attn_k.weight",
        "blk.0.attn_v.weight",
        "blk.0.attn_output.weight"}) {
    builder.tensor(name, {64, 64});
  }
  builder.tensor("blk.0.ffn_gate.weight", {64, 32})
      .tensor("blk.0.ffn_up.weight", {64, 32})
      .tensor("blk.0.ffn_down.weight", {32, 64})
      .tensor("token_embd.weight", {64, 8});
  const std::string text = builder.text();
  const TempFolder folder;
  // The first tensor's data follow the padded header.
  const size_t data =
      text.size() - 4 * (64 * 7 + 64 * 64 * 4 + 64 * 32 * 3 + 64 * 8);
  std::string filled = text;
  filled.replace(
      data,
      stored.size() * sizeof(float),
      reinterpret_cast<const char*>(stored.data()),
      stored.size() * sizeof(float));
  put(folder / "x.gguf", filled);
  const auto weights =
      open_weights(folder / "x.gguf", read_model_spec(folder / "x.gguf"));
  const at::Tensor loaded =
      weights->load("model.layers.0.self_attn.q_proj.bias", at::kFloat);
  const std::vector<float> expected = bias["expected"];
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(loaded.const_data_ptr<float>()[i], expected[i]) << i;
  }
}

TEST(SmolLm2Weights, AreThoseThatTransformersLoads) {
  const char* home = std::getenv("HOME");
  const std::filesystem::path path = std::filesystem::path(home ? home : "") /
      ".cache/octet/models/smollm2-135m-instruct/"
      "SmolLM2-135M-Instruct.Q4_1.gguf";
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << "tools/quickstart has not fetched SmolLM2";
  }
  const auto weights = open_weights(path, read_model_spec(path));
  const json expected = json::parse(get(fixture("weights/smollm2.json")));
  EXPECT_EQ(weights->names().size(), expected.size());
  for (const auto& [name, tensor] : expected.items()) {
    const at::Tensor loaded = weights->load(name, at::kFloat).reshape(-1);
    const double norm = std::sqrt(
        (loaded.to(at::kDouble) * loaded.to(at::kDouble)).sum().item<double>());
    EXPECT_NEAR(norm, tensor["norm"].get<double>(), 1e-9 * norm) << name;
    for (size_t i = 0; i < tensor["places"].size(); ++i) {
      EXPECT_EQ(
          loaded[tensor["places"][i].get<int64_t>()].item<float>(),
          tensor["values"][i].get<float>())
          << name;
    }
  }
}

/// A folder with a tiny model whose weights tests may spoil.
class FolderWeights : public ::testing::Test {
 protected:
  FolderWeights() : spec_(parse_hf_config(config_, "config.json")) {
    for (const auto& [name, shape] : spec_.tensors()) {
      tensors_[name] = {name, StoredType::bf16, shape, 0};
    }
  }

  void write() {
    std::vector<TensorInfo> infos;
    for (const auto& [name, info] : tensors_) {
      infos.push_back(info);
    }
    SafetensorsWriter writer(folder_ / kSafetensorsFile, infos, {});
    for (const TensorInfo& info : infos) {
      writer.write(
          info.name,
          std::vector<std::byte>(*stored_bytes(info.type, info.shape)));
    }
    writer.commit();
  }
  std::string refused() {
    write();
    return failure_of([&] { open_weights(folder_.path(), spec_); });
  }

  const json config_ = {
      {"model_type", "llama"},
      {"vocab_size", 6},
      {"hidden_size", 8},
      {"intermediate_size", 4},
      {"num_hidden_layers", 2},
      {"num_attention_heads", 2},
      {"tie_word_embeddings", true}};
  ModelSpec spec_;
  std::map<std::string, TensorInfo> tensors_;
  TempFolder folder_;
};

TEST_F(FolderWeights, LoadInAnyDtypeInMemoryOfTheirOwn) {
  write();
  const auto weights = open_weights(folder_.path(), spec_);
  const std::string name = "model.norm.weight";
  for (const auto dtype : {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble}) {
    at::Tensor tensor = weights->load(name, dtype);
    EXPECT_EQ(tensor.scalar_type(), dtype);
    tensor.fill_(1);
    EXPECT_EQ(at::sum(weights->load(name, dtype)).item<float>(), 0);
  }
}

TEST_F(FolderWeights, TellEveryDifferenceAtOnce) {
  tensors_.erase("model.layers.1.mlp.up_proj.weight");
  tensors_["model.layers.1.mlp.upp_proj.weight"] = {
      "model.layers.1.mlp.upp_proj.weight", StoredType::bf16, {4, 8}, 0};
  tensors_["model.norm.weight"].shape = {4, 2};
  EXPECT_THAT(
      refused(),
      AllOf(
          HasSubstr("expected tensor model.layers.1.mlp.up_proj.weight"),
          HasSubstr("expected no tensor model.layers.1.mlp.upp_proj.weight, "
                    "found one; was model.layers.1.mlp.up_proj.weight meant?"),
          HasSubstr("shape [8] of tensor model.norm.weight, found [4, 2]"),
          HasSubstr("LlamaForCausalLM")));
}

TEST_F(FolderWeights, CutLongListsShort) {
  tensors_.clear();
  tensors_["x"] = {"x", StoredType::bf16, {1}, 0};
  EXPECT_THAT(refused(), HasSubstr("and 8 more missing tensors"));
}

TEST_F(FolderWeights, MayHoldATiedHeadAndRotaryTables) {
  tensors_["lm_head.weight"] = {"lm_head.weight", StoredType::bf16, {6, 8}, 0};
  const std::string table = "model.layers.0.self_attn.rotary_emb.inv_freq";
  tensors_[table] = {table, StoredType::f32, {2}, 0};
  EXPECT_EQ(refused(), "");
}

TEST_F(FolderWeights, MustHoldAnUntiedHead) {
  json config = config_;
  config["tie_word_embeddings"] = false;
  spec_ = parse_hf_config(config, "config.json");
  EXPECT_THAT(refused(), HasSubstr("expected tensor lm_head.weight"));
}

TEST_F(FolderWeights, MustBeRealNumbers) {
  tensors_["model.norm.weight"].type = StoredType::i8;
  EXPECT_THAT(refused(), HasSubstr("for tensor model.norm.weight, found int8"));
}

TEST_F(FolderWeights, NameTheNearestTensor) {
  write();
  const auto weights = open_weights(folder_.path(), spec_);
  EXPECT_THAT(
      failure_of([&] { weights->load("model.norm.weigth", at::kFloat); }),
      HasSubstr("the nearest is model.norm.weight"));
}

TEST_F(FolderWeights, SayWhatToDoWithAPickle) {
  put(folder_ / "pytorch_model-00001-of-00002.bin", "x");
  EXPECT_THAT(
      failure_of([&] { open_weights(folder_.path(), spec_); }),
      AllOf(
          HasSubstr("found pytorch_model-00001-of-00002.bin"),
          HasSubstr("save_pretrained")));
}

TEST_F(FolderWeights, SayThatTheyAreMissing) {
  EXPECT_THAT(
      failure_of([&] { open_weights(folder_.path(), spec_); }),
      HasSubstr("model.safetensors.index.json in"));
  EXPECT_THAT(
      failure_of([&] { open_weights(folder_ / "none", spec_); }),
      HasSubstr("found nothing"));
}

TEST_F(FolderWeights, SayThatAFileIsCutOff) {
  write();
  std::filesystem::resize_file(
      folder_ / kSafetensorsFile,
      std::filesystem::file_size(folder_ / kSafetensorsFile) - 1);
  EXPECT_THAT(
      failure_of([&] { open_weights(folder_.path(), spec_); }),
      HasSubstr("cut off"));
}

} // namespace
} // namespace octet
