// The progress line on a terminal and in a file.
#include "core/report/progress.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <vector>

namespace octet {
namespace {

Progress at(int64_t step, int64_t total) {
  Progress progress;
  progress.step = step;
  progress.total_steps = total;
  progress.loss = 1.23456;
  progress.grad_norm = 0.5;
  progress.learning_rate = 2e-4;
  progress.tokens_per_second = 231.4;
  progress.memory = 1240000000;
  progress.seconds_left = 200;
  return progress;
}

size_t count(const std::string& text, char c) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), c));
}

TEST(ProgressLine, SaysEverythingInOneLine) {
  EXPECT_EQ(
      format_progress(at(7, 300)),
      "step   7/300  loss 1.2346  grad 0.500  lr 2.00e-04  231 tok/s  "
      "1.24 GB  3 min 20 s left");
}

TEST(ProgressLine, FileGetsFirstLastAndEveryNthStepAsPlainLines) {
  std::ostringstream out;
  {
    ProgressLine line(out, false, 10);
    for (int step = 1; step <= 25; ++step) {
      line.show(at(step, 25));
    }
  }
  EXPECT_EQ(count(out.str(), '\n'), 4u) << out.str(); // 1, 10, 20, 25
  EXPECT_EQ(count(out.str(), '\r'), 0u);
  EXPECT_EQ(count(out.str(), '\033'), 0u);
}

TEST(ProgressLine, TerminalRedrawsOneLineAndEndsIt) {
  std::ostringstream out;
  {
    ProgressLine line(out, true, 10);
    line.show(at(1, 3));
    line.show(at(2, 3));
  }
  EXPECT_EQ(count(out.str(), '\r'), 2u);
  EXPECT_EQ(count(out.str(), '\n'), 1u);
  EXPECT_EQ(out.str().back(), '\n');
}

TEST(ProgressLine, TerminalLineNeverWraps) {
  std::ostringstream out;
  ProgressLine line(out, true, 1, 40);
  line.show(at(1, 3));
  EXPECT_LT(out.str().size(), 40u + 4u); // 4: the erase sequence
}

TEST(ProgressLine, ColoursTakeNoColumnsAndEnd) {
  std::ostringstream out;
  ProgressLine line(out, true, 1, 40, Style(true));
  line.show(at(1, 3));
  line.warning("no token");
  const std::string text = out.str();
  EXPECT_NE(text.find("\033[1mstep 1/3\033[0m  loss 1.2346"), text.npos);
  EXPECT_NE(text.find("\033[33mwarning:\033[0m no token\n"), text.npos);
  // The erase sequence, and one pair of escapes.
  EXPECT_EQ(text.find("\r", 1), 39u + 4u + 4u + 4u);
}

TEST(ProgressLine, NoteStaysAboveTheLine) {
  std::ostringstream out;
  ProgressLine line(out, true, 1);
  line.show(at(1, 3));
  line.note("checkpoint saved");
  const std::string text = out.str();
  const size_t note = text.find("checkpoint saved\n");
  ASSERT_NE(note, std::string::npos);
  EXPECT_NE(text.find("step 1/3", note), std::string::npos);
}

TEST(Format, BytesAndDurationsReadWell) {
  EXPECT_EQ(format_bytes(1300000000), "1.30 GB");
  EXPECT_EQ(format_bytes(999600000), "1.00 GB");
  EXPECT_EQ(format_bytes(52300000), "52 MB");
  EXPECT_EQ(format_bytes(4096), "4 kB");
  EXPECT_EQ(format_duration(59.4), "59 s");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(7500), "2 h 05 min");
  EXPECT_EQ(format_duration(std::nan("")), "?");
}

TEST(Memory, PeakSeesAnAllocationThatIsGone) {
  const MemoryUse before = read_memory_use();
  {
    std::vector<char> block(64 << 20, 1);
    EXPECT_GT(read_memory_use().resident, before.resident + (60 << 20));
  }
  EXPECT_GT(read_memory_use().peak, before.resident + (60 << 20));
}

} // namespace
} // namespace octet
