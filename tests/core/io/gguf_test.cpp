// The reader of GGUF, against a file of the gguf package and against headers
// that lie.
#include "core/io/gguf.h"

#include "core/io/stored_type.h"

#include "tests/core/io/gguf_builder.h"
#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::fixture;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::put;
using testing::TempFolder;
using testing::values_of;

std::string refused(const std::string& content) {
  const TempFolder folder;
  put(folder / "x.gguf", content);
  return failure_of([&] { GgufFile::open(folder / "x.gguf"); });
}

TEST(Gguf, ReadsEveryScalarTypeOfMetadata) {
  const auto file = GgufFile::open(fixture("io/tiny.gguf"));
  EXPECT_EQ(file->find_integer("t.u8"), 200);
  EXPECT_EQ(file->find_integer("t.i8"), -100);
  EXPECT_EQ(file->find_integer("t.u16"), 60000);
  EXPECT_EQ(file->find_integer("t.i16"), -30000);
  EXPECT_EQ(file->find_integer("t.u32"), 4000000000);
  EXPECT_EQ(file->find_integer("t.i32"), -2000000000);
  EXPECT_EQ(file->find_integer("t.u64"), (int64_t{1} << 53) + 1);
  EXPECT_EQ(file->find_integer("t.i64"), -(int64_t{1} << 60));
  EXPECT_EQ(file->find_real("t.f32"), static_cast<double>(0.1f));
  EXPECT_EQ(file->find_real("t.f64"), 0.1);
  EXPECT_EQ(file->find_real("t.u8"), 200.0);
  EXPECT_EQ(file->find_boolean("t.bool"), true);
  EXPECT_EQ(file->find_string("t.string"), "naïve\n");
  EXPECT_EQ(file->find_string("t.none"), std::nullopt);
}

TEST(Gguf, ReadsArrays) {
  const auto file = GgufFile::open(fixture("io/tiny.gguf"));
  const GgufArray& strings = *file->find_array("t.strings");
  ASSERT_EQ(strings.size(), 3u);
  EXPECT_TRUE(strings.holds_strings());
  EXPECT_EQ(strings.string(0), "");
  EXPECT_EQ(strings.string(1), "ab");
  EXPECT_EQ(strings.string(2), "ünï");
  const GgufArray& ints = *file->find_array("t.ints");
  EXPECT_TRUE(ints.holds_integers());
  EXPECT_EQ(ints.integer(0), -1);
  EXPECT_EQ(ints.integer(2), 3);
  EXPECT_EQ(file->find_array("t.reals")->real(1), -1.25);
  EXPECT_EQ(file->find_array("t.flags")->integer(0), 1);
  EXPECT_EQ(file->find_array("t.none"), nullptr);
}

TEST(Gguf, RefusesAWrongKindOrPlaceInAnArray) {
  const auto file = GgufFile::open(fixture("io/tiny.gguf"));
  EXPECT_THAT(
      failure_of([&] { file->find_array("t.ints")->string(0); }),
      HasSubstr("a string as element 0 of metadata array t.ints"));
  EXPECT_THAT(
      failure_of([&] { file->find_array("t.ints")->integer(3); }),
      HasSubstr("only 3 elements"));
  EXPECT_NE(failure_of([&] { file->find_array("t.strings")->real(0); }), "");
}

TEST(Gguf, NamesTheKeyWhoseTypeIsAnother) {
  const auto file = GgufFile::open(fixture("io/tiny.gguf"));
  EXPECT_THAT(
      failure_of([&] { file->find_integer("t.string"); }),
      HasSubstr("an integer for metadata key t.string, found a string"));
  EXPECT_NE(failure_of([&] { file->find_string("t.u8"); }), "");
  EXPECT_NE(failure_of([&] { file->find_boolean("t.u8"); }), "");
  EXPECT_NE(failure_of([&] { file->find_real("t.bool"); }), "");
  EXPECT_NE(failure_of([&] { file->find_array("t.u8"); }), "");
}

TEST(Gguf, ReadsTensorsOfEveryTypeOfTheFixture) {
  const auto file = GgufFile::open(fixture("io/tiny.gguf"));
  const auto f32 = values_of<float>(*file, "f32");
  EXPECT_THAT(file->tensors().at("f32").shape, ElementsAre(2, 32));
  for (size_t i = 0; i < f32.size(); ++i) {
    EXPECT_EQ(f32[i], static_cast<float>(i) - 30);
  }
  for (const auto& [name, info] : file->tensors()) {
    std::vector<float> values(64);
    to_float(info.type, values_of<std::byte>(*file, name), values);
    for (size_t i = 0; i < values.size(); ++i) {
      // Four bits over a range of 32 are steps of about 2.
      EXPECT_NEAR(values[i], f32[i], 2.3f) << name;
    }
  }
}

TEST(Gguf, ReadsAFileThatTheBuilderOfTheseTestsMakes) {
  const TempFolder folder;
  put(folder / "x", GgufBuilder().integer("a", 5).tensor("t", {32}).text());
  const auto file = GgufFile::open(folder / "x");
  EXPECT_EQ(file->find_integer("a"), 5);
  EXPECT_EQ(values_of<float>(*file, "t"), std::vector<float>(32));
}

TEST(Gguf, ReadsVersion2) {
  const TempFolder folder;
  put(folder / "x", GgufBuilder().version(2).tensor("t", {32}).text());
  EXPECT_EQ(GgufFile::open(folder / "x")->tensors().size(), 1u);
}

TEST(Gguf, RefusesOtherKindsOfFiles) {
  EXPECT_THAT(refused(""), HasSubstr("cut off"));
  EXPECT_THAT(
      refused("{\"this\": \"is no model, just text\"}"),
      HasSubstr("the magic bytes GGUF"));
}

TEST(Gguf, RefusesOtherVersions) {
  EXPECT_THAT(
      refused(GgufBuilder().version(1).text()),
      HasSubstr("version 2 or 3, found version 1"));
  EXPECT_THAT(
      refused(GgufBuilder().version(0x03000000).text()),
      HasSubstr("big-endian"));
}

TEST(Gguf, RefusesCountsThatCannotBe) {
  EXPECT_THAT(
      refused(GgufBuilder().counts(~uint64_t{0}, 0).text()),
      HasSubstr("found a count of 18446744073709551615"));
  EXPECT_THAT(
      refused(GgufBuilder().counts(0, uint64_t{1} << 60).text()),
      HasSubstr("metadata that fits into the file"));
}

TEST(Gguf, RefusesStringsLongerThanTheFile) {
  EXPECT_THAT(
      refused(GgufBuilder().raw_key("k", 8).u64(uint64_t{1} << 62).text()),
      AllOf(HasSubstr("metadata key k"), HasSubstr("4611686018427387904")));
}

TEST(Gguf, RefusesArraysLongerThanTheFile) {
  EXPECT_THAT(
      refused(
          GgufBuilder().raw_key("k", 9).u32(4).u64(uint64_t{1} << 62).text()),
      HasSubstr("metadata array k to fit"));
  EXPECT_THAT(
      refused(
          GgufBuilder().raw_key("k", 9).u32(8).u64(uint64_t{1} << 40).text()),
      HasSubstr("metadata array k to fit"));
}

TEST(Gguf, RefusesUnknownTypesOfMetadata) {
  EXPECT_THAT(
      refused(GgufBuilder().raw_key("k", 13).u64(0).text()),
      HasSubstr("a known type for metadata key k, found type number 13"));
  EXPECT_THAT(
      refused(GgufBuilder().raw_key("k", 9).u32(77).u64(0).text()),
      HasSubstr("type number 77"));
}

TEST(Gguf, RefusesABooleanThatIsNone) {
  EXPECT_THAT(
      refused(GgufBuilder().raw_key("k", 7).bytes("\x02").text()),
      HasSubstr("0 or 1 for the boolean metadata key k, found 2"));
}

TEST(Gguf, StepsOverNestedArraysAndRefusesBottomlessOnes) {
  GgufBuilder nested;
  nested.raw_key("k", 9).u32(9).u64(2);
  for (int i = 0; i < 2; ++i) {
    nested.u32(0).u64(1).bytes("x");
  }
  const TempFolder folder;
  put(folder / "x", nested.tensor("t", {32}).text());
  const auto file = GgufFile::open(folder / "x");
  EXPECT_EQ(file->find_array("k")->size(), 2u);
  EXPECT_NE(failure_of([&] { file->find_array("k")->integer(0); }), "");

  GgufBuilder bottomless;
  bottomless.raw_key("k", 9);
  for (int i = 0; i < 100'000; ++i) {
    bottomless.u32(9).u64(1);
  }
  EXPECT_THAT(refused(bottomless.text()), HasSubstr("nested less deep"));
}

TEST(Gguf, RefusesAKeyGivenTwice) {
  EXPECT_THAT(
      refused(GgufBuilder().integer("a", 1).integer("a", 1).text()),
      HasSubstr("every metadata key once, found a twice"));
}

TEST(Gguf, RefusesATensorGivenTwice) {
  EXPECT_THAT(
      refused(GgufBuilder().tensor("t", {32}).tensor("t", {32}).text()),
      HasSubstr("every tensor once, found t twice"));
}

TEST(Gguf, RefusesAnAlignmentThatIsNoPowerOfTwo) {
  for (const uint32_t alignment : {0u, 33u, 1u << 31}) {
    EXPECT_THAT(
        refused(GgufBuilder().integer("general.alignment", alignment).text()),
        HasSubstr("a power of two for general.alignment"));
  }
}

TEST(Gguf, NamesTypesItCannotRead) {
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {256}, 18).text()),
      AllOf(
          HasSubstr("tensor w"),
          HasSubstr("found IQ3_XXS"),
          HasSubstr("Q4_K")));
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {256}, 99).text()),
      HasSubstr("found type number 99"));
}

TEST(Gguf, RefusesRowsThatAreNoWholeBlocks) {
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {48, 2}, 2).text()),
      HasSubstr("tensor w whose rows are whole Q4_0 blocks"));
}

TEST(Gguf, RefusesShapesThatCannotBe) {
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {1, 1, 1, 1, 1}).text()),
      HasSubstr("at most 4 dimensions of tensor w, found 5"));
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {0}).text()),
      HasSubstr("a positive size in the shape of tensor w"));
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {~uint64_t{0}}).text()),
      HasSubstr("a positive size"));
  EXPECT_THAT(
      refused(GgufBuilder().tensor("w", {uint64_t{1} << 62, 1 << 20}).text()),
      HasSubstr("fits into memory"));
}

TEST(Gguf, TellsEveryBadOffsetAtOnce) {
  EXPECT_THAT(
      refused(GgufBuilder()
                  .tensor_at("far", {32}, uint64_t{1} << 40)
                  .tensor_at("odd", {32}, 7)
                  .tensor_at("wrap", {32}, ~uint64_t{0} - 31)
                  .text()),
      AllOf(
          HasSubstr("tensor far (128 bytes at offset 1099511627776)"),
          HasSubstr("offset of tensor odd to be a multiple of 32, found 7"),
          HasSubstr("tensor wrap")));
}

TEST(Gguf, RefusesTensorsThatOverlap) {
  EXPECT_THAT(
      refused(GgufBuilder()
                  .tensor_at("a", {32}, 0)
                  .tensor_at("b", {32}, 96)
                  .text()),
      HasSubstr("found a and b overlapping at offset 96"));
}

TEST(Gguf, SaysThatAFileIsCutOff) {
  const std::string whole = GgufBuilder().tensor("t", {32}).text();
  EXPECT_THAT(
      refused(whole.substr(0, whole.size() - 1)),
      AllOf(
          HasSubstr("tensor t (128 bytes at offset 0)"),
          HasSubstr("127 bytes of tensor data"),
          HasSubstr("cut off")));
}

TEST(Gguf, RefusesIntegersAboveTheSignedRange) {
  EXPECT_THAT(
      refused(GgufBuilder().raw_key("k", 10).u64(uint64_t{1} << 63).text()),
      HasSubstr("less than 2^63 for metadata key k"));
}

} // namespace
} // namespace octet
