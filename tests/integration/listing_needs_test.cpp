// Why listing is quick: what the program opens at its start has no LibTorch in
// it. The training library, which has, is opened when a run needs it.
#include "core/plugin/library_needs.h"
#include "core/plugin/library_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTrainer = OCTET_BINARY_DIR "/bin/trainer";
const std::string kBase = OCTET_BINARY_DIR "/lib/octet/liboctet_base.so";
const std::string kTrain = OCTET_BINARY_DIR "/lib/octet/liboctet_train.so";

TEST(ListingNeeds, NoLibTorch) {
  for (const std::string& file : {kTrainer, kBase}) {
    EXPECT_THAT(
        read_library_needs(file).needed,
        Not(Contains(AnyOf(
            HasSubstr("torch"), HasSubstr("c10"), HasSubstr("octet_train")))))
        << file;
  }
}

// The reader does see what it is asked about.
TEST(ListingNeeds, TheTrainingLibraryHasIt) {
  EXPECT_THAT(
      read_library_needs(kTrainer).needed, Contains("liboctet_base.so"));
  EXPECT_THAT(
      read_library_needs(kTrain).needed, Contains(HasSubstr("libtorch")));
}

// Nor by way of another library.
TEST(ListingNeeds, NoLibTorchAtSecondHand) {
  LibrarySearch libraries(kTrain);
  EXPECT_FALSE(libraries.check(kTrainer).needs_libtorch);
  EXPECT_FALSE(libraries.check(kBase).needs_libtorch);
  EXPECT_TRUE(libraries.check(kTrain).needs_libtorch);
}

} // namespace
} // namespace octet
