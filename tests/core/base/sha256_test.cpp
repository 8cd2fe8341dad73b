// Vectors of FIPS 180-4 (NIST's examples for SHA-256).
#include "core/base/sha256.h"

#include <gtest/gtest.h>

namespace octet {

TEST(Sha256, GivesTheDigestOfTheStandardsExamples) {
  EXPECT_EQ(
      sha256_hex("abc"),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      sha256_hex(""),
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  Sha256 digest;
  digest.update("a");
  digest.update("bc");
  EXPECT_EQ(digest.hex(), sha256_hex("abc"));
}

TEST(Sha256, KeepsFieldsApart) {
  Sha256 one, other;
  one.update_field("ab");
  one.update_field("c");
  other.update_field("a");
  other.update_field("bc");
  EXPECT_NE(one.hex(), other.hex());
}

} // namespace octet
