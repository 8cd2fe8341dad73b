// Streams never show half a character, and together show the whole text.
#include "core/train/utf8_stream.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

std::shared_ptr<const Tokenizer> tiny() {
  return load_tokenizer(OCTET_SOURCE_DIR "/tests/fixtures/train/tiny");
}

bool whole_characters(const std::string& text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const size_t length = lead < 0x80 ? 1
        : lead >= 0xf0                ? 4
        : lead >= 0xe0                ? 3
        : lead >= 0xc0                ? 2
                                      : 0;
    if (length == 0 || i + length > text.size()) {
      return false;
    }
    i += length;
  }
  return true;
}

TEST(Utf8Stream, PiecesAreWholeCharactersAndMakeTheText) {
  const auto tokenizer = tiny();
  // Byte-level: the characters outside ASCII take several tokens each.
  const std::string text = "the naïve 東京 🦑, then\n\n  tabs\tand 中";
  Utf8Stream stream(*tokenizer);
  std::string told;
  size_t empty = 0;
  for (const int32_t token : tokenizer->encode(text, false)) {
    const std::string piece = stream.push(token);
    EXPECT_TRUE(whole_characters(piece)) << told << "|" << piece;
    empty += piece.empty() ? 1 : 0;
    told += piece;
  }
  EXPECT_EQ(told + stream.finish(), text);
  EXPECT_GE(empty, 5u);
}

TEST(Utf8Stream, BytesThatNeverBecomeACharacterComeAtTheEnd) {
  const auto tokenizer = tiny();
  const std::vector<int32_t> ids = tokenizer->encode("a東", false);
  ASSERT_EQ(ids.size(), 4u);
  Utf8Stream stream(*tokenizer);
  EXPECT_EQ(stream.push(ids[0]), "a");
  EXPECT_EQ(stream.push(ids[1]), "");
  EXPECT_EQ(stream.push(ids[2]), "");
  EXPECT_NE(stream.finish(), "");
  EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, SpecialTokensAreNotShown) {
  const auto tokenizer = tiny();
  Utf8Stream stream(*tokenizer);
  std::string told;
  for (const int32_t token : tokenizer->encode("a<|im_end|>b", false)) {
    told += stream.push(token);
  }
  EXPECT_EQ(told + stream.finish(), "ab");
}

} // namespace
} // namespace octet
