// When colours are shown, tried on a pseudo-terminal and a pipe.
#include "core/base/terminal.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

namespace octet {
namespace {

class Colours : public ::testing::Test {
 protected:
  void SetUp() override {
    terminal_ = ::posix_openpt(O_RDWR | O_NOCTTY);
    ASSERT_GE(terminal_, 0);
    ASSERT_EQ(::isatty(terminal_), 1);
    ::unsetenv("NO_COLOR");
    ::setenv("TERM", "xterm", 1);
  }
  void TearDown() override {
    ::close(terminal_);
    ::unsetenv("NO_COLOR");
  }
  int terminal_ = -1;
};

TEST_F(Colours, AreShownOnATerminal) {
  EXPECT_TRUE(shows_colour(terminal_));
}

TEST_F(Colours, AreNotShownInAPipe) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(shows_colour(ends[1]));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(Colours, AreTurnedOffByNoColorUnlessItIsEmpty) {
  ::setenv("NO_COLOR", "1", 1);
  EXPECT_FALSE(shows_colour(terminal_));
  ::setenv("NO_COLOR", "", 1);
  EXPECT_TRUE(shows_colour(terminal_));
}

TEST_F(Colours, AreNotShownOnADumbOrUnknownTerminal) {
  ::setenv("TERM", "dumb", 1);
  EXPECT_FALSE(shows_colour(terminal_));
  ::unsetenv("TERM");
  EXPECT_FALSE(shows_colour(terminal_));
}

TEST(Style, WrapsTextOnlyWithColours) {
  EXPECT_EQ(Style().red("no"), "no");
  EXPECT_EQ(Style(true).red("no"), "\033[31mno\033[0m");
  EXPECT_EQ(Style(true).red(""), "");
}

} // namespace
} // namespace octet
