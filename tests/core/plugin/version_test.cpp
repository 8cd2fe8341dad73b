// The order of versions; the first row is the example of semver.org, section
// 11.
#include "core/plugin/version.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace octet {
namespace {

TEST(Version, ComesInTheOrderOfSemanticVersioning) {
  const std::vector<std::string> rising = {
      "1.0.0-alpha",
      "1.0.0-alpha.1",
      "1.0.0-alpha.beta",
      "1.0.0-beta",
      "1.0.0-beta.2",
      "1.0.0-beta.11",
      "1.0.0-rc.1",
      "1.0.0",
      "1.0.9",
      "1.0.10",
      "1.2.0",
      "1.10.0",
      "2.0.0",
      "10.0.0"};
  for (size_t i = 0; i < rising.size(); ++i) {
    for (size_t j = 0; j < rising.size(); ++j) {
      const int order = compare_versions(rising[i], rising[j]);
      EXPECT_EQ(order < 0, i < j) << rising[i] << " " << rising[j];
      EXPECT_EQ(order == 0, i == j) << rising[i] << " " << rising[j];
    }
  }
}

TEST(Version, ZerosInFrontMeanNothing) {
  EXPECT_EQ(compare_versions("01.2.3", "1.2.03"), 0);
}

} // namespace
} // namespace octet
