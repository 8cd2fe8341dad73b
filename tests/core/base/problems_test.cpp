// What is near enough to be meant.
#include "core/base/problems.h"

#include <gtest/gtest.h>

namespace octet {
namespace {

TEST(NearestName, AFewEditsAreNearAndMoreAreNot) {
  EXPECT_EQ(nearest_name("gren", {"red", "green", "blue"}), "green");
  EXPECT_EQ(nearest_name("yellow", {"red", "green", "blue"}), "");
}

TEST(NearestName, CaseIsNoDistance) {
  EXPECT_EQ(nearest_name("BLUE", {"red", "blue"}), "blue");
  EXPECT_EQ(nearest_name("xy", {"ab", "XY"}), "XY");
}

} // namespace
} // namespace octet
