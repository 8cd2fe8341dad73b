// The reader of safetensors, against files of the reference implementation and
// against headers that lie.
#include "core/io/safetensors.h"

#include "tests/core/io/io_testing.h"

#include <gmock/gmock.h>

#include <cstring>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::failure_of;
using testing::fixture;
using ::testing::HasSubstr;
using testing::put;
using testing::TempFolder;
using testing::values_of;

std::string with_length(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string text(8, '\0');
  std::memcpy(text.data(), &length, 8);
  return text + header + data;
}

/// The message that opening such a file gives.
std::string refused(const std::string& content) {
  const TempFolder folder;
  put(folder / "x.safetensors", content);
  return failure_of([&] { open_safetensors(folder / "x.safetensors"); });
}

std::string refused_header(
    const std::string& header,
    const std::string& data = "") {
  return refused(with_length(header, data));
}

TEST(Safetensors, ReadsWhatTheReferenceImplementationWrites) {
  const auto path = fixture("io/tiny.safetensors");
  const auto file = open_safetensors(path);
  EXPECT_EQ(file->tensors().size(), 10u);
  EXPECT_THAT(values_of<double>(*file, "f64"), ElementsAre(1.5, -2.25, 1e300));
  EXPECT_THAT(
      values_of<float>(*file, "f32"),
      ElementsAre(0.f, .25f, .5f, .75f, 1.f, 1.25f));
  EXPECT_THAT(file->tensors().at("f32").shape, ElementsAre(2, 3));
  EXPECT_THAT(values_of<uint16_t>(*file, "f16"), ElementsAre(0x3800, 0xfbff));
  EXPECT_THAT(values_of<uint16_t>(*file, "bf16"), ElementsAre(0x3f80, 0xc049));
  EXPECT_THAT(
      values_of<int64_t>(*file, "i64"), ElementsAre(-(int64_t{1} << 62), 3));
  EXPECT_THAT(values_of<uint8_t>(*file, "bool"), ElementsAre(1, 0, 1));
  EXPECT_TRUE(file->tensors().at("scalar").shape.empty());
  EXPECT_EQ(file->tensors().at("empty").bytes, 0u);
  EXPECT_THAT(values_of<int32_t>(*file, "naïve \"name\""), ElementsAre(7));
  EXPECT_EQ(safetensors_metadata(path).at("note"), "by safetensors");
}

TEST(Safetensors, ReadsAPartOfATensor) {
  const auto file = open_safetensors(fixture("io/tiny.safetensors"));
  float two[2];
  file->read("f32", 8, std::as_writable_bytes(std::span(two)));
  EXPECT_THAT(two, ElementsAre(.5f, .75f));
}

TEST(Safetensors, RefusesARangeBeyondTheTensor) {
  const auto file = open_safetensors(fixture("io/tiny.safetensors"));
  float two[2];
  const auto out = std::as_writable_bytes(std::span(two));
  EXPECT_THAT(
      failure_of([&] { file->read("f32", 20, out); }),
      HasSubstr("within the 24 bytes of tensor f32, got 8 bytes at 20"));
  EXPECT_NE(failure_of([&] { file->read("f32", ~size_t{0}, out); }), "");
}

TEST(Safetensors, NamesAMissingTensor) {
  const auto file = open_safetensors(fixture("io/tiny.safetensors"));
  EXPECT_THAT(
      failure_of([&] { file->read("nope", {}); }),
      HasSubstr("expected tensor nope"));
}

TEST(Safetensors, NamesAMissingFile) {
  EXPECT_THAT(
      failure_of([] { open_safetensors("/nonexistent/x.safetensors"); }),
      AllOf(HasSubstr("[safetensors]"), HasSubstr("No such file")));
}

TEST(Safetensors, RefusesAFolder) {
  const TempFolder folder;
  EXPECT_THAT(
      failure_of([&] { open_safetensors(folder.path()); }),
      HasSubstr("a folder"));
}

TEST(Safetensors, RefusesAFileOfLessThanEightBytes) {
  EXPECT_THAT(refused(""), HasSubstr("at least 8 bytes, found 0"));
  EXPECT_THAT(refused("1234567"), HasSubstr("at least 8 bytes, found 7"));
}

TEST(Safetensors, RefusesAHeaderLengthBeyondTheFile) {
  std::string text = with_length("{}", "");
  text[0] = 100;
  EXPECT_THAT(refused(text), HasSubstr("a header of 100 bytes, found 2"));
}

TEST(Safetensors, RefusesAHeaderLengthAboveTheLimit) {
  EXPECT_THAT(
      refused(std::string(8, '\xff') + "{}"),
      HasSubstr("at most 100,000,000 bytes"));
}

TEST(Safetensors, RefusesAHeaderThatDoesNotBeginWithABrace) {
  EXPECT_THAT(refused_header(""), HasSubstr("\"{\" as first byte"));
  EXPECT_THAT(refused_header(" {}"), HasSubstr("\"{\" as first byte"));
  EXPECT_THAT(refused_header("[]"), HasSubstr("\"{\" as first byte"));
}

TEST(Safetensors, AcceptsAnEmptyHeaderWithPadding) {
  EXPECT_EQ(refused_header("{}      "), "");
}

TEST(Safetensors, RefusesBrokenJson) {
  EXPECT_THAT(refused_header("{\"a\":"), HasSubstr("broken JSON"));
  EXPECT_THAT(refused_header("{}{}"), HasSubstr("broken JSON at byte 10"));
  EXPECT_THAT(refused_header("{\"\xff\":{}}"), HasSubstr("broken JSON"));
}

TEST(Safetensors, RefusesANameGivenTwice) {
  const std::string entry =
      "\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}";
  EXPECT_THAT(
      refused_header("{" + entry + "," + entry + "}", "x"),
      HasSubstr("every name once, found \"a\" twice"));
}

TEST(Safetensors, RefusesMetadataGivenTwice) {
  EXPECT_THAT(
      refused_header("{\"__metadata__\":{},\"__metadata__\":{}}"),
      HasSubstr("\"__metadata__\" twice"));
  EXPECT_THAT(
      refused_header("{\"__metadata__\":{\"a\":\"1\",\"a\":\"2\"}}"),
      HasSubstr("__metadata__ once, found \"a\" twice"));
}

TEST(Safetensors, RefusesAFieldGivenTwice) {
  EXPECT_THAT(
      refused_header(
          "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[1],"
          "\"data_offsets\":[0,1]}}",
          "x"),
      HasSubstr("found \"dtype\" of tensor a twice"));
}

TEST(Safetensors, RefusesMetadataThatIsNoStringMap) {
  EXPECT_THAT(
      refused_header("{\"__metadata__\":{\"a\":1}}"),
      HasSubstr("a string for \"a\" of __metadata__, found the number 1"));
  EXPECT_THAT(
      refused_header("{\"__metadata__\":[]}"),
      HasSubstr("an object for \"__metadata__\", found an array"));
  EXPECT_NE(refused_header("{\"__metadata__\":{\"a\":{}}}"), "");
}

TEST(Safetensors, RefusesAnUnknownDtypeAndNamesTheKnown) {
  EXPECT_THAT(
      refused_header(
          "{\"w\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}",
          "x"),
      AllOf(HasSubstr("tensor w, found \"F4\""), HasSubstr("BF16")));
}

TEST(Safetensors, RefusesFieldsThatAreMissingOrUnknown) {
  EXPECT_THAT(refused_header("{\"a\":{}}"), HasSubstr("found no dtype"));
  EXPECT_THAT(
      refused_header("{\"a\":{\"dtype\":\"U8\"}}"), HasSubstr("no shape"));
  EXPECT_THAT(
      refused_header("{\"a\":{\"dtype\":\"U8\",\"shape\":[]}}"),
      HasSubstr("fewer data_offsets"));
  EXPECT_THAT(
      refused_header(
          "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0]}}", "x"),
      HasSubstr("fewer data_offsets"));
  EXPECT_THAT(
      refused_header("{\"a\":{\"strides\":[1]}}"),
      HasSubstr("found \"strides\""));
}

TEST(Safetensors, RefusesNumbersThatAreNoSizes) {
  for (const char* bad :
       {"-1",
        "1.0",
        "1e3",
        "null",
        "\"1\"",
        "[1]",
        "true",
        "18446744073709551616"}) {
    EXPECT_THAT(
        refused_header(
            std::string("{\"a\":{\"dtype\":\"U8\",\"shape\":[") + bad +
                "],\"data_offsets\":[0,1]}}",
            "x"),
        HasSubstr("shape of tensor a"))
        << bad;
    EXPECT_THAT(
        refused_header(
            std::string("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],"
                        "\"data_offsets\":[0,") +
                bad + "]}}",
            "x"),
        HasSubstr("data_offsets of tensor a"))
        << bad;
  }
}

TEST(Safetensors, RefusesAShapeWhoseSizeOverflows) {
  for (const char* shape :
       {"4294967296,4294967296",
        "9223372036854775807,2",
        "4611686018427387904",
        "18446744073709551615"}) {
    EXPECT_NE(
        refused_header(
            std::string("{\"a\":{\"dtype\":\"F32\",\"shape\":[") + shape +
                "],\"data_offsets\":[0,0]}}",
            ""),
        "")
        << shape;
  }
  EXPECT_THAT(
      refused_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,"
                     "4294967296],\"data_offsets\":[0,0]}}"),
      HasSubstr("fits into memory"));
}

TEST(Safetensors, RefusesTooManyDimensions) {
  std::string ones = "1";
  for (int i = 0; i < 40; ++i) {
    ones += ",1";
  }
  EXPECT_THAT(
      refused_header(
          "{\"a\":{\"dtype\":\"U8\",\"shape\":[" + ones +
              "],\"data_offsets\":[0,1]}}",
          "x"),
      HasSubstr("at most 16 dimensions"));
}

TEST(Safetensors, RefusesOffsetsThatDoNotFitTheShape) {
  const auto entry = [](const std::string& offsets) {
    return "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" +
        offsets + "]}}";
  };
  EXPECT_THAT(
      refused_header(entry("0,7"), "12345678"),
      HasSubstr("span the 8 bytes of its dtype and shape [2], found 0 to 7"));
  EXPECT_THAT(refused_header(entry("8,0"), "12345678"), HasSubstr("8 to 0"));
  EXPECT_THAT(
      refused_header(entry("0,8,8"), "12345678"), HasSubstr("found more"));
  EXPECT_NE(refused_header(entry("18446744073709551615,7"), "12345678"), "");
}

TEST(Safetensors, RefusesATruncatedFile) {
  const std::string entry =
      "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}";
  EXPECT_THAT(
      refused_header(entry, "1234"),
      AllOf(
          HasSubstr(
              "expected 8 bytes of tensor data after the header, found 4"),
          HasSubstr("cut off")));
}

TEST(Safetensors, RefusesBytesAfterTheLastTensor) {
  const std::string entry =
      "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}";
  EXPECT_THAT(refused_header(entry, "123"), HasSubstr("too long"));
  EXPECT_THAT(refused_header("{}", "1"), HasSubstr("too long"));
}

std::string two_tensors(const std::string& a, const std::string& b) {
  return "{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[" + a +
      "]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[" + b + "]}}";
}

TEST(Safetensors, RefusesTensorsThatOverlap) {
  EXPECT_THAT(
      refused_header(two_tensors("0,2", "1,3"), "123"),
      HasSubstr("found b overlapping a"));
  EXPECT_THAT(
      refused_header(two_tensors("0,2", "0,2"), "12"),
      HasSubstr("overlapping"));
}

TEST(Safetensors, RefusesHoles) {
  EXPECT_THAT(
      refused_header(two_tensors("0,2", "3,5"), "12345"),
      HasSubstr("a hole of 1 bytes before b"));
  EXPECT_THAT(
      refused_header(two_tensors("2,4", "4,6"), "123456"),
      HasSubstr("a hole of 2 bytes before a"));
}

TEST(Safetensors, TellsEveryOverlapAndHoleAtOnce) {
  EXPECT_THAT(
      refused_header(two_tensors("1,3", "2,4"), "123456"),
      AllOf(
          HasSubstr("hole of 1 bytes before a"),
          HasSubstr("b overlapping a"),
          HasSubstr("expected 4 bytes")));
}

TEST(Safetensors, AcceptsTensorsInAnyOrder) {
  const TempFolder folder;
  put(folder / "x", with_length(two_tensors("2,4", "0,2"), "bbaa"));
  const auto file = open_safetensors(folder / "x");
  EXPECT_THAT(values_of<char>(*file, "a"), ElementsAre('a', 'a'));
  EXPECT_THAT(values_of<char>(*file, "b"), ElementsAre('b', 'b'));
}

TEST(Safetensors, RefusesDeeplyNestedJsonWithoutBuildingIt) {
  EXPECT_NE(refused_header("{\"a\":" + std::string(1'000'000, '[')), "");
}

TEST(Safetensors, SaysWhenTheFileGotShorterWhileOpen) {
  const TempFolder folder;
  put(folder / "x", with_length(two_tensors("0,2", "2,4"), "1234"));
  const auto file = open_safetensors(folder / "x");
  std::filesystem::resize_file(folder / "x", 60);
  EXPECT_THAT(
      failure_of([&] { values_of<char>(*file, "b"); }),
      HasSubstr("the file ends before"));
}

} // namespace
} // namespace octet
