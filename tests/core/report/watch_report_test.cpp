// Records of casts: into events and back, plots, the table of the report.
#include "core/report/watch_report.h"

#include "core/report/events.h"
#include "core/report/line_plot.h"
#include "core/report/report.h"

#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <limits>

#include <unistd.h>

namespace octet {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

CastRecord cast(
    const std::string& site,
    double sqnr_db,
    double underflow = 0,
    double overflow = 0) {
  return {site, "input", 3.5, 128, underflow, overflow, sqnr_db};
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos;
       at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

class WatchHistoryTest : public ::testing::Test {
 protected:
  WatchHistoryTest()
      : path_(
            std::filesystem::temp_directory_path() /
            ("octet_watch_" + std::to_string(::getpid()) + ".jsonl")) {
    std::filesystem::remove(path_);
  }
  ~WatchHistoryTest() override {
    std::filesystem::remove(path_);
  }
  void write(const WatchedStep& watched) const {
    EventLog(path_).write("watch", watch_fields(watched));
  }
  std::filesystem::path path_;
};

TEST_F(WatchHistoryTest, ComesBackWithInfinitiesAndNaN) {
  write({1, {cast("a", kInfinity, 0.25, 0.5), cast("b", std::nan(""))}});
  write({10, {cast("a", 31.5)}});
  const auto history = read_watch_history(path_);
  ASSERT_EQ(history.size(), 2u);
  ASSERT_EQ(history[0].casts.size(), 2u);
  const CastRecord& first = history[0].casts[0];
  EXPECT_EQ(first.site, "a");
  EXPECT_EQ(first.tensor, "input");
  EXPECT_EQ(first.amax, 3.5);
  EXPECT_EQ(first.scale, 128);
  EXPECT_EQ(first.underflow, 0.25);
  EXPECT_EQ(first.overflow, 0.5);
  EXPECT_EQ(first.sqnr_db, kInfinity);
  EXPECT_TRUE(std::isnan(history[0].casts[1].sqnr_db));
  EXPECT_EQ(history[1].casts[0].sqnr_db, 31.5);
}

TEST_F(WatchHistoryTest, StepsThatAResumedRunDidAgainCountOnce) {
  write({1, {cast("a", 1)}});
  write({10, {cast("a", 2)}});
  write({20, {cast("a", 3)}});
  EventLog(path_).write("start", {{"resumed_step", 5}});
  write({10, {cast("a", 4)}});
  const auto history = read_watch_history(path_);
  ASSERT_EQ(history.size(), 2u);
  EXPECT_EQ(history[1].step, 10);
  EXPECT_EQ(history[1].casts[0].sqnr_db, 4);
}

TEST_F(WatchHistoryTest, NoFileAndOtherLinesAreNoHistory) {
  EXPECT_TRUE(read_watch_history(path_).empty());
  std::ofstream(path_) << "not json\n{\"event\":\"watch\"}\n[1]\n";
  EXPECT_TRUE(read_watch_history(path_).empty());
}

TEST(WatchReport, NothingWatchedIsNoSection) {
  EXPECT_EQ(watch_report({}, {}), "");
  RunReport report;
  EXPECT_THAT(render_report(report), Not(HasSubstr("Low-precision casts")));
}

TEST(WatchReport, WorstSitesComeFirst) {
  const std::string html = watch_report(
      {{10,
        {cast("fine", 40),
         cast("noisy", 12),
         cast("exact", kInfinity),
         cast("clamped", 39, 0, 0.02)}}},
      {0.001, 0.05});
  const auto place = [&](const std::string& site) {
    return html.find("<td>" + site + "</td>");
  };
  EXPECT_LT(place("clamped"), place("noisy"));
  EXPECT_LT(place("noisy"), place("fine"));
  EXPECT_LT(place("fine"), place("exact"));
  EXPECT_THAT(html, HasSubstr("<b>2%</b>"));
}

TEST(WatchReport, CountsTheStepsPastALimit) {
  const std::string html = watch_report(
      {{1, {cast("a", 30, 0.06)}},
       {10, {cast("a", 30, 0.01)}},
       {20, {cast("a", 30, 0.07)}}},
      {0.001, 0.05});
  EXPECT_THAT(html, HasSubstr("<td>2</td></tr>"));
  EXPECT_THAT(html, HasSubstr("the table is of step 20"));
}

TEST(WatchReport, LongTablesAreCut) {
  WatchedStep watched{1, {}};
  for (int i = 0; i < 100; ++i) {
    watched.casts.push_back(cast("layer" + std::to_string(i), i));
  }
  const std::string html = watch_report({watched}, {1, 1});
  EXPECT_EQ(count(html, "<tr>"), 1u + 40);
  EXPECT_THAT(html, HasSubstr("and 60 more, never past a limit"));
}

// The warnings of a run name five layers and leave the others to the table.
TEST(WatchReport, EveryCastPastALimitIsListedHoweverMany) {
  WatchedStep watched{1, {}};
  for (int i = 0; i < 100; ++i) {
    const double underflow = i < 70 ? 0.06 : 0.01;
    watched.casts.push_back(cast("layer" + std::to_string(i), i, underflow));
  }
  const std::string html = watch_report({watched}, {0.001, 0.05});
  EXPECT_EQ(count(html, "<tr>"), 1u + 70);
  for (int i = 0; i < 70; ++i) {
    EXPECT_THAT(html, HasSubstr("<td>layer" + std::to_string(i) + "</td>"));
  }
  EXPECT_THAT(html, HasSubstr("and 30 more, never past a limit"));
}

TEST(WatchReport, CastThatWasPastALimitEarlierIsListed) {
  WatchedStep early{1, {}}, last{10, {}};
  for (int i = 0; i < 100; ++i) {
    // The one that was past has the best SQNR: without its past it comes last.
    const std::string name = "layer" + std::to_string(i);
    early.casts.push_back(cast(name, i, i == 99 ? 0.06 : 0));
    last.casts.push_back(cast(name, i));
  }
  const std::string html = watch_report({early, last}, {0.001, 0.05});
  EXPECT_THAT(html, HasSubstr("<td>layer99</td>"));
  EXPECT_EQ(count(html, "<tr>"), 1u + 40);
  EXPECT_THAT(html, HasSubstr("<td>1</td></tr>"));
}

TEST(WatchReport, PageHasPlotsAndEscapesNames) {
  RunReport report;
  report.watched = {{1, {cast("<b>", 30)}}, {10, {cast("<b>", 29)}}};
  const std::string page = render_report(report);
  EXPECT_THAT(page, HasSubstr("Low-precision casts"));
  EXPECT_THAT(page, HasSubstr("&lt;b&gt;"));
  EXPECT_THAT(page, Not(HasSubstr("<td><b></td>")));
  // The loss, SQNR, and what casts lost.
  EXPECT_EQ(count(page, "<svg"), 3u);
}

TEST(LinePlot, LeavesOutWhatIsNotFinite) {
  const std::string svg = line_plot(
      {{"a", {{1, 2}, {2, kInfinity}, {3, std::nan("")}, {4, 5}}}, {"b", {}}},
      "t",
      "dB");
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
  EXPECT_EQ(count(svg, "<polyline"), 2u);
  EXPECT_EQ(count(svg, "<circle"), 1u);
}

TEST(LinePlot, OnePointAndNoPointGiveAPicture) {
  for (const std::string& svg :
       {line_plot({{"a", {{1, 0}}}}, "t", "%"), line_plot({}, "t", "%")}) {
    EXPECT_THAT(svg, HasSubstr("</svg>"));
    EXPECT_THAT(svg, Not(HasSubstr("nan")));
  }
}

} // namespace
} // namespace octet
