// The loss plot and the report page are well-formed and escape their texts.
#include "core/report/plot.h"
#include "core/report/report.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace octet {
namespace {

/// A strict little XML checker: every tag closed in order, attributes quoted.
/// @returns what is wrong, or ""
std::string xml_problem(const std::string& text) {
  std::vector<std::string> open;
  for (size_t at = text.find('<'); at != std::string::npos;
       at = text.find('<', at + 1)) {
    const size_t end = text.find('>', at);
    if (end == std::string::npos) {
      return "'<' without '>'";
    }
    const std::string tag = text.substr(at + 1, end - at - 1);
    const std::string name = tag.substr(0, tag.find_first_of(" /\n"));
    if (tag.find('<') != std::string::npos) {
      return "'<' within a tag";
    }
    if (std::count(tag.begin(), tag.end(), '"') % 2 != 0) {
      return "odd number of quotes in <" + tag + ">";
    }
    if (tag[0] == '/') {
      if (open.empty() || open.back() != tag.substr(1)) {
        return "unexpected <" + tag + ">";
      }
      open.pop_back();
    } else if (tag[0] != '!' && tag.back() != '/' && name != "meta") {
      open.push_back(name);
    }
  }
  return open.empty() ? "" : "open at the end: " + open.back();
}

History falling(int64_t count) {
  History history;
  for (int64_t step = 1; step <= count; ++step) {
    history.steps.push_back({step, 3.0 / static_cast<double>(step), 1, 0, 0});
  }
  history.evals = {{count / 2, 2.0, 7.4}, {count, 1.0, 2.7}};
  return history;
}

TEST(Plot, TicksAreRoundAndInside) {
  EXPECT_EQ(axis_ticks(0, 10, 5), (std::vector<double>{0, 2, 4, 6, 8, 10}));
  const std::vector<double> ticks = axis_ticks(0.93, 2.71, 6);
  EXPECT_GE(ticks.front(), 0.93);
  EXPECT_LE(ticks.back(), 2.71);
  EXPECT_NEAR(ticks[1] - ticks[0], 0.5, 1e-12);
  EXPECT_EQ(axis_ticks(4, 4, 5), std::vector<double>{4});
}

TEST(Plot, SmoothingOfAConstantIsTheConstantFromTheStart) {
  for (const double value : smooth({5, 5, 5, 5}, 0.9)) {
    EXPECT_NEAR(value, 5, 1e-12);
  }
  // (0.5 * 1 + 3) / 1.5
  EXPECT_NEAR(smooth({1, 3}, 0.5)[1], 3.5 / 1.5, 1e-12);
}

TEST(Plot, PictureIsWellFormedWithRawSmoothedAndEvaluation) {
  const std::string svg = loss_plot(falling(50), "run");
  EXPECT_EQ(xml_problem(svg), "");
  size_t lines = 0, circles = 0;
  for (size_t at = 0; (at = svg.find("<polyline", at)) != std::string::npos;
       ++at) {
    ++lines;
  }
  for (size_t at = 0; (at = svg.find("<circle", at)) != std::string::npos;
       ++at) {
    ++circles;
  }
  EXPECT_EQ(lines, 3u);
  EXPECT_EQ(circles, 2u);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Plot, RecordsThatAreNotFiniteAreLeftOut) {
  History history = falling(4);
  history.steps[2].loss = std::nan("");
  history.steps[3].loss = std::numeric_limits<double>::infinity();
  const std::string svg = loss_plot(history, "run");
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Plot, NoRecordAndOneRecordGiveAPicture) {
  EXPECT_EQ(xml_problem(loss_plot({}, "empty")), "");
  History one;
  one.steps = {{1, 0.0, 0, 0, 0}};
  const std::string svg = loss_plot(one, "one");
  EXPECT_EQ(xml_problem(svg), "");
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Plot, LongRunsStaySmallFiles) {
  EXPECT_LT(loss_plot(falling(200000), "long").size(), 100000u);
}

TEST(Report, TextOfTheUserCannotBecomeMarkup) {
  const std::string evil = "<script>alert(\"1\")</script>&'";
  RunReport report;
  report.name = report.outcome = report.resolution = evil;
  report.first_example = report.next_command = evil;
  report.warnings = {evil};
  report.highlights = report.results = report.config = {{evil, evil}};
  report.environment = report.files = {{evil, evil}};
  report.answers = {{evil, evil, evil}};
  const std::string page = render_report(report);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;"), std::string::npos);
  EXPECT_EQ(xml_problem(page), "");
}

TEST(Report, PageNeedsNoOtherFile) {
  RunReport report;
  report.history = falling(10);
  const std::string page = render_report(report);
  for (const char* outside : {" src=", "href=", "@import", "url("}) {
    EXPECT_EQ(page.find(outside), std::string::npos) << outside;
  }
  EXPECT_NE(page.find("<svg"), std::string::npos);
}

TEST(Report, ControlCharactersDoNotReachThePage) {
  RunReport report;
  report.first_example = std::string("a\x01\x1b") + "b";
  EXPECT_NE(render_report(report).find("a??b"), std::string::npos);
}

} // namespace
} // namespace octet
