// What timings decide: shapes first, then the sites of a plan. All times are
// made up here; nothing is measured.
#include "core/resolve/decide_by_timings.h"

#include "core/base/problems.h"
#include "tests/core/resolve/timing_tables.h"
#include "tests/core/resolve/world.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>
#include <list>

namespace octet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using timing::row;
using timing::table;
using world::precision_toml;
using world::World;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

ShapeVerdict one(double candidate_ms, double reference_ms, double margin) {
  return decide_by_timings(table({row(candidate_ms, reference_ms)}), margin)
      .at(0);
}

std::string refused(const std::vector<GemmTiming>& shapes, double margin = 1) {
  try {
    decide_by_timings(table(shapes), margin);
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.code(), ExitCode::resolution);
    return failure.what();
  }
  return "";
}

TEST(DecideByTimings, FasterByTheMarginWins) {
  const ShapeVerdict verdict = one(1.0, 1.31, 1.05);
  EXPECT_TRUE(verdict.wins);
  EXPECT_NEAR(verdict.ratio, 1.31, 1e-12);
  EXPECT_EQ(verdict.reason, "measured: 1.31x of plain");
}

TEST(DecideByTimings, SlowerLosesAndSaysByHowMuch) {
  const ShapeVerdict verdict = one(2.0, 1.84, 1.05);
  EXPECT_FALSE(verdict.wins);
  EXPECT_EQ(verdict.reason, "measured: 0.92x of plain");
}

TEST(DecideByTimings, FasterByLessThanTheMarginLosesWithThatReason) {
  const ShapeVerdict verdict = one(1.0, 1.04, 1.05);
  EXPECT_FALSE(verdict.wins);
  EXPECT_EQ(
      verdict.reason, "measured: 1.04x of plain, below the margin of 1.05x");
}

TEST(DecideByTimings, ExactlyTheMarginWins) {
  // 1.25 = 5 / 4 is exact in binary, so is the quotient.
  EXPECT_TRUE(one(4.0, 5.0, 1.25).wins);
  EXPECT_FALSE(one(4.0, std::nextafter(5.0, 0.0), 1.25).wins);
}

TEST(DecideByTimings, LossJustBelowTheMarginIsNotRoundedUpToIt) {
  EXPECT_EQ(
      one(1.0, 1.0499, 1.05).reason,
      "measured: 1.04x of plain, below the margin of 1.05x");
}

TEST(DecideByTimings, TieLosesUnlessTheMarginIsOne) {
  EXPECT_FALSE(one(3.0, 3.0, 1.05).wins);
  EXPECT_TRUE(one(3.0, 3.0, 1.0).wins);
}

TEST(DecideByTimings, TimesThatAreNoneAreAllNamed) {
  const std::string text = refused(
      {row(0, 1, 8),
       row(1, kNan, 16),
       row(-1, 1, 24),
       row(1, std::numeric_limits<double>::infinity(), 32),
       row(1, 1, 40)});
  EXPECT_THAT(
      text,
      AllOf(
          HasSubstr("of eight for [64, 8] x [8, 8]^T, found 0"),
          HasSubstr("of plain for [64, 8] x [16, 8]^T, found nan"),
          HasSubstr("of eight for [64, 8] x [24, 8]^T, found -1"),
          HasSubstr("of plain for [64, 8] x [32, 8]^T, found inf"),
          HasSubstr("measure again"),
          Not(HasSubstr("[40, 8]"))));
}

TEST(DecideByTimings, ShapeThatStandsTwiceIsRefused) {
  EXPECT_THAT(refused({row(1, 2), row(2, 1)}), HasSubstr("twice"));
}

TEST(DecideByTimings, MarginBelowOneIsRefused) {
  EXPECT_THAT(refused({row(1, 2)}, 0.9), HasSubstr("measure_margin >= 1"));
  EXPECT_NE(refused({row(1, 2)}, kNan), "");
}

// Two layers: q 64 x 64, up 128 x 64; and a head 512 x 64. No real model, but
// all that a decision looks at.
Site linear(const std::string& name, int64_t layer, int64_t n) {
  Site site;
  site.name = name;
  site.layer = layer;
  site.out_features = n;
  site.in_features = 64;
  return site;
}

class SettleByTimings : public ::testing::Test {
 protected:
  SettleByTimings() {
    world_.add(precision_toml("plain", 10, "reference = true\n"));
    world_.add(precision_toml("eight", 50, "provides = [\"fp8\"]\n"));
    world_.config.precision.measure = true;
    Site embedding;
    embedding.name = "embed";
    embedding.kind = SiteKind::embedding;
    sites_ = {
        embedding,
        linear("0.q", 0, 64),
        linear("0.up", 0, 128),
        linear("1.q", 1, 64),
        linear("1.up", 1, 128),
        linear("head", -1, 512)};
    for (const char* plugin : {"eight", "plain"}) {
      verdicts_.push_back({plugin, {}});
      for (const Site& site : sites_) {
        verdicts_.back().verdicts.push_back(
            site.kind == SiteKind::linear ? SiteVerdict::yes()
                                          : SiteVerdict::skip("no product"));
      }
    }
    mine(5) = SiteVerdict::skip("a head");
  }
  SiteVerdict& mine(size_t site) {
    return verdicts_of(verdicts_, "eight").verdicts.at(site);
  }
  SiteVerdict& theirs(size_t site) {
    return verdicts_of(verdicts_, "plain").verdicts.at(site);
  }
  /// Times of eight where plain takes 1 ms.
  Selection settle(double q, double up) {
    Selection selection = world_.select();
    EXPECT_TRUE(selection.reference);
    const auto shapes = measured_shapes(
        sites_,
        verdicts_of(verdicts_, "eight"),
        verdicts_of(verdicts_, "plain"),
        256,
        100,
        false);
    std::vector<GemmTiming> rows = {
        {{256, 64, 64, false}, q, 1}, {{256, 128, 64, false}, up, 1}};
    if (mine(5).accepted) {
      rows.push_back({{100, 512, 64, false}, 1, 3});
    }
    settle_by_timings(
        table(rows),
        {1.05, "made up", "sft"},
        sites_,
        shapes,
        selection,
        verdicts_);
    return selection;
  }
  static Candidate candidate(const Selection& selection, size_t row) {
    return selection.candidates.at(row);
  }
  std::vector<std::string> plugins() const {
    std::vector<std::string> names;
    for (const SiteVerdicts& item : verdicts_) {
      names.push_back(item.plugin);
    }
    return names;
  }

  World world_;
  std::vector<Site> sites_;
  std::vector<SiteVerdicts> verdicts_;
};

TEST_F(SettleByTimings, MixedTimesGiveEachSiteToTheFaster) {
  const Selection selection = settle(2.0, 0.5);
  EXPECT_EQ(selection.precision.entry->manifest.name, "eight");
  ASSERT_TRUE(selection.reference);
  EXPECT_EQ(selection.reference->entry->manifest.name, "plain");
  for (const size_t q : {1, 3}) {
    EXPECT_FALSE(mine(q).accepted);
    EXPECT_EQ(mine(q).reason, "measured: 0.50x of plain");
    EXPECT_TRUE(theirs(q).accepted);
    EXPECT_EQ(theirs(q).reason, "measured: 0.50x of plain");
  }
  for (const size_t up : {2, 4}) {
    EXPECT_TRUE(mine(up).accepted);
    EXPECT_EQ(mine(up).reason, "measured: 2.00x of plain");
    EXPECT_FALSE(theirs(up).accepted);
    EXPECT_EQ(
        theirs(up).reason, "eight computes it (measured: 2.00x of plain)");
  }
  EXPECT_TRUE(theirs(5).accepted);
  EXPECT_EQ(theirs(5).reason, "eight leaves it alone: a head");
  ASSERT_TRUE(selection.measurement);
  EXPECT_EQ(selection.measurement->verdicts.at(0).sites, 2);
  EXPECT_EQ(selection.measurement->source, "made up");
  EXPECT_EQ(candidate(selection, 0).verdict, "chosen");
  EXPECT_EQ(
      candidate(selection, 0).reason,
      "measured faster than plain at 1 of 2 shapes");
  EXPECT_EQ(candidate(selection, 1).verdict, "chosen too");
}

TEST_F(SettleByTimings, WhatABackendSaysOfItselfIsKept) {
  world_.probes["eight"] = {true, "EMULATED here"};
  for (const size_t site : {1, 2, 3, 4}) {
    mine(site).reason = "EMULATED";
  }
  theirs(1).reason = "in bf16";
  const Selection selection = settle(2.0, 0.5);
  EXPECT_EQ(mine(2).reason, "EMULATED; measured: 2.00x of plain");
  EXPECT_EQ(theirs(1).reason, "in bf16; measured: 0.50x of plain");
  EXPECT_EQ(
      candidate(selection, 0).reason,
      "EMULATED here; measured faster than plain at 1 of 2 shapes");
  // The line of a plan has it without the times, which have their table.
  Plan plan;
  plan.selection = selection;
  for (size_t i = 0; i < sites_.size(); ++i) {
    plan.sites.push_back({sites_[i], {}, {}});
    if (mine(i).accepted) {
      plan.sites.back().placements = {{"eight", "gemm", mine(i).reason}};
    } else {
      plan.sites.back().skipped = {{"eight", mine(i).reason}};
    }
  }
  EXPECT_THAT(
      describe(plan),
      HasSubstr("precision: eight (auto), 2 of 5 linears (EMULATED); 3 plain"));
}

TEST_F(SettleByTimings, LosingEverywhereMakesTheRunTheReferences) {
  const Selection selection = settle(2.0, 1.0);
  EXPECT_EQ(selection.precision.entry->manifest.name, "plain");
  EXPECT_EQ(selection.precision.why, "auto");
  EXPECT_FALSE(selection.reference);
  EXPECT_THAT(plugins(), ElementsAre("plain"));
  EXPECT_EQ(candidate(selection, 0).verdict, "measured slower");
  EXPECT_EQ(
      candidate(selection, 0).reason,
      "wins at no shape, at best 1.00x of plain");
  EXPECT_EQ(candidate(selection, 1).verdict, "chosen");
  EXPECT_THAT(candidate(selection, 1).reason, HasSubstr("eight is not faster"));
}

TEST_F(SettleByTimings, WinningEverywhereNeedsNoReference) {
  mine(5) = SiteVerdict::yes();
  const Selection selection = settle(0.5, 0.4);
  EXPECT_EQ(selection.precision.entry->manifest.name, "eight");
  EXPECT_FALSE(selection.reference);
  EXPECT_THAT(plugins(), ElementsAre("eight"));
  EXPECT_EQ(
      candidate(selection, 0).reason,
      "measured faster than plain at all 3 shapes");
}

TEST_F(SettleByTimings, SiteThatTheReferenceLeavesAloneStaysTheCandidates) {
  theirs(1) = SiteVerdict::skip("too narrow");
  const Selection selection = settle(2.0, 0.5);
  EXPECT_TRUE(mine(1).accepted);
  EXPECT_FALSE(mine(3).accepted);
  EXPECT_EQ(theirs(1).reason, "too narrow");
}

TEST_F(SettleByTimings, CandidateThatAcceptsNothingIsLeftToPlace) {
  for (size_t site = 0; site < sites_.size(); ++site) {
    mine(site) = SiteVerdict::skip("odd");
  }
  const Selection selection = settle(2.0, 2.0);
  EXPECT_EQ(selection.precision.entry->manifest.name, "eight");
  EXPECT_FALSE(selection.reference);
  EXPECT_FALSE(selection.measurement);
}

TEST_F(SettleByTimings, TableWithAGapIsRefused) {
  Selection selection = world_.select();
  const auto shapes = measured_shapes(
      sites_,
      verdicts_of(verdicts_, "eight"),
      verdicts_of(verdicts_, "plain"),
      256,
      100,
      false);
  try {
    settle_by_timings(
        table({{{256, 64, 64, false}, 1, 1}}),
        {1.05, "", "sft"},
        sites_,
        shapes,
        selection,
        verdicts_);
    FAIL() << "expected a gap to be refused";
  } catch (const Failure& failure) {
    EXPECT_THAT(
        failure.what(),
        HasSubstr("[256, 64] x [128, 64]^T, weight frozen (0.up)"));
  }
}

TEST_F(SettleByTimings, WarningsAboutACandidateThatLostAreDropped) {
  world_.add(world::feature_toml(
      "rounding",
      "claims = [\"weight_transform\"]\n[[relation]]\nwith = \"fp8\"\n"
      "verdict = \"warn\"\nreason = \"two roundings\"\n"));
  world_.use_feature("rounding");
  const auto warned = [](const Selection& selection) {
    for (const std::string& note : selection.notes) {
      if (note.find("two roundings") != std::string::npos) {
        return true;
      }
    }
    return false;
  };
  EXPECT_TRUE(warned(world_.select()));
  EXPECT_FALSE(warned(settle(2.0, 2.0)));
}

TEST_F(SettleByTimings, HeadHasItsOwnRows) {
  mine(5) = SiteVerdict::yes();
  const auto shapes = measured_shapes(
      sites_,
      verdicts_of(verdicts_, "eight"),
      verdicts_of(verdicts_, "plain"),
      256,
      100,
      true);
  EXPECT_EQ(shapes.at("head"), (GemmShape{100, 512, 64, true}));
  EXPECT_EQ(shapes.at("0.up"), (GemmShape{256, 128, 64, true}));
  EXPECT_EQ(shapes.count("embed"), 0u);
}

TEST_F(SettleByTimings, TableIsPrintedWithItsVerdicts) {
  const std::string text = describe_measurement(settle(2.0, 0.5));
  EXPECT_THAT(
      text,
      AllOf(
          HasSubstr("eight against plain on a machine"),
          HasSubstr("margin 1.05x"),
          HasSubstr("eight ms"),
          HasSubstr("0.50x  plain"),
          HasSubstr("2.00x  eight")));
  EXPECT_EQ(describe_measurement(Selection()), "");
}

} // namespace
} // namespace octet
