// FP8 checkpoints, bit for bit against what transformers and compressed-tensors
// make of the same files, and what is said of scales that do not fit.
#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/io/safetensors.h"
#include "core/io/stored_type.h"
#include "core/model/weight_set.h"

#include "tests/core/io/io_testing.h"

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>

#include <cstring>
#include <limits>

namespace octet {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using testing::failure_of;
using testing::fixture;
using testing::get;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::TempFolder;

struct Case {
  const char* folder;
  const char* summary;
};

class Fp8Weights : public ::testing::TestWithParam<Case> {};

TEST_P(Fp8Weights, AreThoseOfTheDefiningLibrary) {
  const std::string folder = GetParam().folder;
  const auto path = fixture("fp8/" + folder);
  const ModelSpec spec = read_model_spec(path);
  const auto weights = open_weights(path, spec);
  const json all = json::parse(get(fixture("fp8/expected.json")));
  const json& expected = all.at(folder);
  ASSERT_EQ(spec.tensors().size(), expected.size());
  for (const auto& [name, facts] : expected.items()) {
    const bool bf16 = facts["dtype"] == "bf16";
    const at::Tensor loaded =
        weights->load(name, bf16 ? at::kBFloat16 : at::kFloat);
    Sha256 digest;
    digest.update(
        {static_cast<const char*>(loaded.const_data_ptr()),
         static_cast<size_t>(loaded.nbytes())});
    EXPECT_EQ(digest.hex(), facts["sha256"].get<std::string>()) << name;
  }
}

TEST_P(Fp8Weights, SayHowManyWereDequantizedFromWhat) {
  const auto path = fixture(std::string("fp8/") + GetParam().folder);
  EXPECT_EQ(
      open_weights(path, read_model_spec(path))->summary(), GetParam().summary);
}

TEST_P(Fp8Weights, LeaveNoTraceInTheConfigOfResults) {
  const auto path = fixture(std::string("fp8/") + GetParam().folder);
  const ModelSpec spec = read_model_spec(path);
  EXPECT_TRUE(spec.fp8);
  EXPECT_FALSE(spec.hf_config.contains("quantization_config"));
  // "dtype" of their config.json.
  EXPECT_EQ(spec.stored_dtype, "fp32");
}

INSTANTIATE_TEST_SUITE_P(
    Layouts,
    Fp8Weights,
    ::testing::Values(
        Case{
            "fine_grained",
            "7 tensors dequantized: 7 from fp8_e4m3 with a scale for each "
            "block of 128 x 128"},
        Case{
            "ragged",
            "7 tensors dequantized: 7 from fp8_e4m3 with a scale for each "
            "block of 16 x 16"},
        Case{
            "per_row",
            "7 tensors dequantized: 7 from fp8_e4m3 with a scale for each "
            "row"},
        Case{
            "per_tensor",
            "7 tensors dequantized: 4 from fp8_e4m3 with a scale for each "
            "tensor, 3 from fp8_e5m2 with a scale for each tensor; 7 scales "
            "of activations left unread"}),
    [](const auto& info) { return std::string(info.param.folder); });

/// A model of one layer, hidden 8, in FP8 where tests say so.
class Fp8Folder : public ::testing::Test {
 protected:
  Fp8Folder() : spec_(parse_hf_config(config_, "config.json")) {
    for (const auto& [name, shape] : spec_.tensors()) {
      put(name, StoredType::bf16, shape);
    }
  }
  void put(
      const std::string& name,
      StoredType type,
      const std::vector<int64_t>& shape,
      uint8_t fill = 0) {
    infos_[name] = {name, type, shape, 0};
    bytes_[name] = std::vector<std::byte>(
        *stored_bytes(type, shape), static_cast<std::byte>(fill));
  }
  void put_scale(
      const std::string& name,
      const std::vector<int64_t>& shape,
      float value) {
    put(name, StoredType::f32, shape);
    std::vector<std::byte>& bytes = bytes_[name];
    for (size_t i = 0; i < bytes.size(); i += sizeof(value)) {
      std::memcpy(bytes.data() + i, &value, sizeof(value));
    }
  }
  /// up_proj [4, 8] of ones.
  void make_fp8() {
    put(kUp, StoredType::f8_e4m3, {4, 8}, 0x38);
  }
  void write() {
    std::vector<TensorInfo> infos;
    for (const auto& [name, info] : infos_) {
      infos.push_back(info);
    }
    SafetensorsWriter writer(folder_ / kSafetensorsFile, infos, {});
    for (const auto& [name, bytes] : bytes_) {
      writer.write(name, bytes);
    }
    writer.commit();
  }
  std::string refused() {
    write();
    return failure_of([&] { open_weights(folder_.path(), spec_); });
  }

  const std::string kUp = "model.layers.0.mlp.up_proj.weight";
  const json config_ = {
      {"model_type", "llama"},
      {"vocab_size", 6},
      {"hidden_size", 8},
      {"intermediate_size", 4},
      {"num_hidden_layers", 1},
      {"num_attention_heads", 2},
      {"tie_word_embeddings", true}};
  ModelSpec spec_;
  std::map<std::string, TensorInfo> infos_;
  std::map<std::string, std::vector<std::byte>> bytes_;
  TempFolder folder_;
};

TEST_F(Fp8Folder, ScaleMultipliesUnderBothNames) {
  for (const char* ending : {"_scale", "_scale_inv"}) {
    infos_.clear();
    bytes_.clear();
    for (const auto& [name, shape] : spec_.tensors()) {
      put(name, StoredType::bf16, shape);
    }
    make_fp8();
    put_scale(kUp + ending, {}, 0.5f);
    write();
    const auto weights = open_weights(folder_.path(), spec_);
    const at::Tensor loaded = weights->load(kUp, at::kFloat);
    EXPECT_EQ(loaded.min().item<float>(), 0.5f) << ending;
    EXPECT_EQ(loaded.max().item<float>(), 0.5f) << ending;
  }
}

TEST_F(Fp8Folder, MissingScaleIsNamedWithBothNames) {
  make_fp8();
  EXPECT_THAT(
      refused(),
      AllOf(
          HasSubstr("expected tensor " + kUp + "_scale or"),
          HasSubstr(kUp + "_scale_inv"),
          HasSubstr("found neither")));
}

TEST_F(Fp8Folder, TwoScalesOfOneTensorAreAmbiguous) {
  make_fp8();
  put_scale(kUp + "_scale", {1}, 1);
  put_scale(kUp + "_scale_inv", {1}, 1);
  EXPECT_THAT(refused(), HasSubstr("expected one scale of tensor " + kUp));
}

TEST_F(Fp8Folder, ScaleOfATensorThatIsNotFp8IsUnexpected) {
  put_scale(kUp + "_scale", {1}, 1);
  EXPECT_THAT(
      refused(),
      HasSubstr(
          "expected no tensor " + kUp + "_scale, because " + kUp + " is bf16"));
  put_scale("model.layers.9.mlp.up_proj.weight_scale_inv", {1}, 1);
  EXPECT_THAT(refused(), HasSubstr("is not there"));
}

TEST_F(Fp8Folder, WrongShapeIsToldWithTheRightOnes) {
  make_fp8();
  put_scale(kUp + "_scale", {8}, 1);
  EXPECT_THAT(
      refused(),
      AllOf(
          HasSubstr("expected shape [1] or [4, 1]"),
          HasSubstr("no block size"),
          HasSubstr("of [4, 8], found [8]")));
  spec_.fp8 = Fp8Storage{"fp8", 3, 3};
  put_scale(kUp + "_scale", {1, 3}, 1);
  EXPECT_THAT(refused(), HasSubstr("expected shape [2, 3] (blocks of 3 x 3)"));
  put_scale(kUp + "_scale", {2, 3}, 1);
  EXPECT_EQ(refused(), "");
}

TEST_F(Fp8Folder, ScalesMustBeFiniteNumbers) {
  make_fp8();
  put_scale(kUp + "_scale", {4, 1}, std::numeric_limits<float>::infinity());
  EXPECT_THAT(refused(), HasSubstr("expected finite scales"));
  put(kUp + "_scale", StoredType::u8, {1});
  EXPECT_THAT(refused(), HasSubstr("found uint8"));
}

TEST_F(Fp8Folder, EveryProblemIsToldAtOnce) {
  make_fp8();
  put("model.norm.weight", StoredType::f8_e5m2, {8});
  const std::string text = refused();
  EXPECT_THAT(text, HasSubstr(kUp));
  EXPECT_THAT(text, HasSubstr("model.norm.weight"));
}

TEST_F(Fp8Folder, DenseWeightsSayNothing) {
  write();
  spec_.fp8 = Fp8Storage{"fp8", 128, 128};
  EXPECT_EQ(open_weights(folder_.path(), spec_)->summary(), "");
}

} // namespace
} // namespace octet
