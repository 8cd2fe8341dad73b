// Folders for other programs: what is in them, and that a failure leaves
// nothing. tools/peers/check_export.py loads them in transformers.
#include "core/model/export.h"

#include "core/io/safetensors.h"
#include "core/model/weight_set.h"

#include "tests/core/io/io_testing.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using testing::fixture;
using testing::get;
using ::testing::HasSubstr;
using testing::TempFolder;

/// The tiny Llama of the weights' fixtures, as a producer.
class Export : public ::testing::Test {
 protected:
  const std::filesystem::path source_ = fixture("weights/llama.gguf");
  HfFolder contents_ =
      {read_model_spec(source_), at::kFloat, "{}", "{}", "t", ""};
  std::unique_ptr<WeightSet> weights_ = open_weights(source_, contents_.spec);
  const TensorProducer produce_ = [this](const TensorSink& sink) {
    for (const std::string& name : weights_->names()) {
      sink(name, weights_->load(name, at::kFloat));
    }
  };
  TempFolder folder_;
};

TEST_F(Export, IsReadBackAsTheSameModel) {
  write_hf_folder(folder_ / "out", contents_, produce_);
  const ModelSpec spec = read_model_spec(folder_ / "out");
  EXPECT_EQ(spec.tensors(), contents_.spec.tensors());
  EXPECT_EQ(spec.rms_norm_eps, contents_.spec.rms_norm_eps);
  EXPECT_EQ(spec.stored_dtype, "fp32");
  const auto weights = open_weights(folder_ / "out", spec);
  for (const std::string& name : weights_->names()) {
    EXPECT_TRUE(at::equal(
        weights->load(name, at::kFloat), weights_->load(name, at::kFloat)))
        << name;
  }
}

TEST_F(Export, WritesEveryFileThatTransformersWants) {
  write_hf_folder(folder_ / "out", contents_, produce_);
  EXPECT_EQ(get(folder_ / "out/tokenizer.json"), "{}");
  EXPECT_EQ(get(folder_ / "out/tokenizer_config.json"), "{}");
  EXPECT_EQ(get(folder_ / "out/chat_template.jinja"), "t");
  EXPECT_TRUE(std::filesystem::exists(folder_ / "out/generation_config.json"));
  EXPECT_EQ(
      safetensors_metadata(folder_ / "out/model.safetensors").at("format"),
      "pt");
}

TEST_F(Export, RoundsToTheWantedDtypeAndSaysSoInTheConfig) {
  contents_.dtype = at::kBFloat16;
  write_hf_folder(folder_ / "out", contents_, produce_);
  const json config = json::parse(get(folder_ / "out/config.json"));
  EXPECT_EQ(config["torch_dtype"], "bfloat16");
  const auto file = open_safetensors(folder_ / "out/model.safetensors");
  EXPECT_EQ(file->tensors().at("model.norm.weight").type, StoredType::bf16);
}

TEST_F(Export, KeepsOneDtypeKey) {
  contents_.spec.hf_config["dtype"] = "float16";
  contents_.spec.hf_config["torch_dtype"] = "float16";
  write_hf_folder(folder_ / "out", contents_, produce_);
  const json config = json::parse(get(folder_ / "out/config.json"));
  EXPECT_EQ(config["dtype"], "float32");
  EXPECT_FALSE(config.contains("torch_dtype"));
}

TEST_F(Export, ListsAllEosTokens) {
  contents_.spec.eos_tokens = {3, 4};
  write_hf_folder(folder_ / "out", contents_, produce_);
  const json config = json::parse(get(folder_ / "out/generation_config.json"));
  EXPECT_EQ(config["eos_token_id"], json({3, 4}));
}

TEST_F(Export, LeavesTheOldFolderWhenTheProducerFails) {
  write_hf_folder(folder_ / "out", contents_, produce_);
  const auto failing = [&](const TensorSink& sink) {
    sink("model.norm.weight", weights_->load("model.norm.weight", at::kFloat));
    throw Failure(ExitCode::failed, "test", "stopped");
  };
  EXPECT_THAT(
      failure_of([&] { write_hf_folder(folder_ / "out", contents_, failing); }),
      HasSubstr("stopped"));
  EXPECT_NO_THROW(
      open_weights(folder_ / "out", read_model_spec(folder_ / "out")));
  EXPECT_EQ(
      std::distance(
          std::filesystem::directory_iterator(folder_.path()),
          std::filesystem::directory_iterator()),
      1);
}

TEST_F(Export, RefusesTensorsThatAreNotTheModels) {
  const auto give = [&](const std::string& name, const at::Tensor& tensor) {
    return failure_of([&] {
      write_hf_folder(folder_ / "out", contents_, [&](const TensorSink& sink) {
        sink(name, tensor);
      });
    });
  };
  EXPECT_THAT(give("x", at::zeros({1})), HasSubstr("which is none of them"));
  EXPECT_THAT(
      give("model.norm.weight", at::zeros({3})),
      HasSubstr("model.norm.weight of shape [3] instead of [64]"));
  EXPECT_THAT(
      give("model.norm.weight", at::zeros({64})),
      AllOf(
          HasSubstr("expected tensor lm_head.weight"),
          HasSubstr("expected tensor model.embed_tokens.weight")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(Export, WritesAndReadsAdapters) {
  AdapterFiles adapter;
  adapter.config_json = "{\"peft_type\": \"LORA\"}\n";
  adapter.tensors["a.lora_A.weight"] =
      at::arange(6, at::kFloat).reshape({2, 3}).t();
  adapter.tensors["b"] = at::full({}, 2, at::kBFloat16);
  write_adapter_folder(
      folder_ / "adapter", adapter, {{"tokenizer.json", "{}"}});
  const AdapterFiles read = read_adapter_folder(folder_ / "adapter");
  EXPECT_EQ(read.config_json, adapter.config_json);
  ASSERT_EQ(read.tensors.size(), 2u);
  EXPECT_TRUE(at::equal(
      read.tensors.at("a.lora_A.weight"),
      adapter.tensors.at("a.lora_A.weight")));
  EXPECT_TRUE(at::equal(read.tensors.at("b"), adapter.tensors.at("b")));
  EXPECT_EQ(get(folder_ / "adapter/tokenizer.json"), "{}");
}

TEST_F(Export, NamesWhatAnAdapterFolderLacks) {
  EXPECT_THAT(
      failure_of([&] { read_adapter_folder(folder_.path()); }),
      HasSubstr("adapter_config.json: No such file"));
}

TEST_F(Export, ChoosesTheDtype) {
  contents_.spec.stored_dtype = "fp16";
  EXPECT_EQ(export_dtype("auto", contents_.spec), at::kHalf);
  EXPECT_EQ(export_dtype("fp32", contents_.spec), at::kFloat);
  EXPECT_EQ(export_dtype("bf16", contents_.spec), at::kBFloat16);
  EXPECT_THAT(
      failure_of([&] { export_dtype("int8", contents_.spec); }),
      HasSubstr("got \"int8\""));
}

} // namespace
} // namespace octet
