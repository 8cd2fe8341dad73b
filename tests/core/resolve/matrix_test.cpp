// The compatibility matrix from manifests alone: the combinations of FP8, QAT,
// kernels, quantized weights, LoRA and sharding as users know them, and the
// rules one by one.
#include "core/resolve/matrix.h"

#include "core/plugin/core_capabilities.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <random>
#include <sstream>

namespace octet {
namespace {

using testing::HasSubstr;
using world::feature_toml;
using world::precision_toml;

Manifest manifest_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(OCTET_SOURCE_DIR "/" + path).rdbuf();
  return parse_manifest(text.str(), path);
}

// LoRA in a manifest of its own: the core's tests need no plugin's folder.
std::vector<Manifest> seed_manifests() {
  std::vector<Manifest> all;
  for (const char* name : {"fp8", "plain", "qat", "kernels", "quantize"}) {
    all.push_back(
        manifest_file(std::string("tests/fixtures/seed/") + name + ".toml"));
  }
  all.push_back(parse_manifest(
      feature_toml(
          "seed-lora",
          "provides = [\"lora\"]\nclaims = [\"adapter\"]\n"
          "freezes_base = true\n"),
      "test"));
  for (const CoreCapability& capability : core_capabilities()) {
    all.push_back(capability.entry.manifest);
  }
  return all;
}

// The table that users of other trainers know, row by row.
TEST(Matrix, SaysOfFp8QatKernelsQuantizationLoraAndShardingWhatIsKnown) {
  const RelationVerdict ok = RelationVerdict::ok;
  const RelationVerdict warn = RelationVerdict::warn;
  const RelationVerdict reject = RelationVerdict::reject;
  struct Row {
    std::string name;
    // FP8, QAT, kernels, quantization
    std::vector<RelationVerdict> verdicts;
  };
  const std::vector<std::string> columns = {
      "seed-fp8", "seed-qat", "seed-kernels", "seed-quantize"};
  const std::vector<Row> rows = {
      {"seed-fp8", {ok, warn, ok, reject}},
      {"seed-qat", {warn, ok, ok, reject}},
      {"seed-kernels", {ok, ok, ok, ok}},
      {"seed-lora", {ok, ok, ok, ok}},
      {"fsdp", {ok, ok, ok, ok}}};
  const Matrix matrix = compatibility_matrix(seed_manifests());
  for (const Row& row : rows) {
    for (size_t i = 0; i < columns.size(); ++i) {
      if (row.name != columns[i]) {
        const PairVerdict& pair = matrix.at(row.name, columns[i]);
        EXPECT_EQ(pair.verdict, row.verdicts[i])
            << row.name << " with " << columns[i];
        EXPECT_FALSE(pair.either_or);
      }
    }
  }
  EXPECT_TRUE(matrix.at("seed-fp8", "seed-plain").either_or);
}

Matrix of(const std::vector<std::string>& tomls) {
  std::vector<Manifest> manifests;
  for (const std::string& toml : tomls) {
    manifests.push_back(parse_manifest(toml, "test"));
  }
  return compatibility_matrix(std::move(manifests));
}

std::string relation(const std::string& with, const std::string& more) {
  return "[[relation]]\nwith = " + with + "\n" + more;
}

const std::string kReject =
    "verdict = \"reject\"\nreason = \"they fight\"\nway_out = \"drop one\"\n";
const std::string kWarn = "verdict = \"warn\"\nreason = \"be careful\"\n";

TEST(Matrix, TheStrictestWordOfEitherSideWins) {
  const Matrix matrix =
      of({feature_toml("a", relation("\"b\"", kWarn)),
          feature_toml("b", relation("\"a\"", kReject))});
  const PairVerdict& pair = matrix.at("b", "a");
  EXPECT_EQ(pair.verdict, RelationVerdict::reject);
  ASSERT_EQ(pair.reasons.size(), 2u);
  EXPECT_EQ(pair.reasons[0].text, "be careful.");
  EXPECT_EQ(pair.reasons[1].text, "they fight. drop one.");
}

TEST(Matrix, ARelationWithMorePartnersSaysNothingOfAPair) {
  const Matrix matrix =
      of({feature_toml("a", relation("[\"b\", \"c\"]", kReject)),
          feature_toml("b"),
          feature_toml("c")});
  EXPECT_EQ(matrix.at("a", "b").verdict, RelationVerdict::ok);
}

TEST(Matrix, ACapabilityStandsForWhoProvidesIt) {
  const Matrix matrix =
      of({feature_toml("a", relation("\"fp8\"", kWarn)),
          precision_toml("b", 1, "provides = [\"fp8\"]\n"),
          precision_toml("c", 2)});
  EXPECT_EQ(matrix.at("a", "b").verdict, RelationVerdict::warn);
  EXPECT_EQ(matrix.at("a", "c").verdict, RelationVerdict::ok);
}

TEST(Matrix, AConditionIsKeptApart) {
  const std::string option =
      "[options.hard]\ntype = \"boolean\"\ndefault = false\nhelp = \"h\"\n";
  const Matrix matrix =
      of({feature_toml(
              "a",
              option + relation("\"b\"", kReject + "when = 'hard == true'\n")),
          feature_toml("b")});
  const PairVerdict& pair = matrix.at("a", "b");
  EXPECT_EQ(pair.verdict, RelationVerdict::reject);
  EXPECT_TRUE(pair.conditional);
  EXPECT_EQ(pair.reasons.at(0).when, "hard == true");
}

TEST(Matrix, AnUnconditionalWordOutweighsAConditionalOneOfTheSameVerdict) {
  const Matrix matrix =
      of({feature_toml(
              "a", relation("\"b\"", kWarn + "when = 'stage == \"pt\"'\n")),
          feature_toml("b", relation("\"a\"", kWarn))});
  EXPECT_FALSE(matrix.at("a", "b").conditional);
}

TEST(Matrix, AStorageThatTheBackendDoesNotReadConflicts) {
  const std::string nf4 = "claims = [\"weight\"]\nstores = [\"nf4\"]\n";
  const Matrix matrix =
      of({feature_toml("a", nf4),
          precision_toml("b", 1),
          precision_toml("c", 1, "reads = [\"dense\", \"nf4\"]\n")});
  EXPECT_EQ(matrix.at("a", "b").verdict, RelationVerdict::reject);
  EXPECT_THAT(
      matrix.at("a", "b").reasons.at(0).text,
      HasSubstr("a stores nf4 weights, which b does not read"));
  EXPECT_EQ(matrix.at("a", "c").verdict, RelationVerdict::ok);
}

TEST(Matrix, AnExclusiveSlotHasOneOwnerAndAnAdapterOrHookAny) {
  const std::string claims =
      "claims = [\"weight\", \"adapter\", \"step_end\"]\n";
  const std::string rest = "claims = [\"adapter\", \"step_end\"]\n";
  const Matrix matrix =
      of({feature_toml("a", claims),
          feature_toml("b", claims),
          feature_toml("c", rest),
          feature_toml("d", "claims = [\"op:rope\"]\n"),
          feature_toml("e", "claims = [\"op:rope\"]\n")});
  EXPECT_EQ(matrix.at("a", "b").verdict, RelationVerdict::reject);
  EXPECT_EQ(matrix.at("a", "c").verdict, RelationVerdict::ok);
  EXPECT_EQ(matrix.at("d", "e").verdict, RelationVerdict::reject);
}

TEST(Matrix, TestedPairsCarryTheNameOfTheirTest) {
  const Matrix matrix = compatibility_matrix(
      {parse_manifest(feature_toml("b"), "test"),
       parse_manifest(feature_toml("a"), "test")},
      {{"a b", "Suite.Test"}});
  EXPECT_EQ(matrix.at("a", "b").tested, "Suite.Test");
}

TEST(Matrix, DoesNotDependOnTheOrderOfThePlugins) {
  std::vector<Manifest> manifests = seed_manifests();
  const std::string expected = to_json(compatibility_matrix(manifests)).dump();
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::shuffle(manifests.begin(), manifests.end(), random);
    ASSERT_EQ(to_json(compatibility_matrix(manifests)).dump(), expected);
  }
}

} // namespace
} // namespace octet
