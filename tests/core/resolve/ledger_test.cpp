// The ledger against the plan: each difference is named, once.
#include "tests/core/resolve/placing.h"

#include <gmock/gmock.h>

namespace octet {
namespace {

using namespace placing;

TEST(Ledger, ThatEqualsThePlanPasses) {
  const Plan plan = Placing()
                        .feature("low", kAdapter, low_rank)
                        .feature("fast", "claims = [\"op:rope\"]\n", linears)
                        .place();
  EXPECT_NO_THROW(verify_ledger(plan, faithful_ledger(plan)));
}

std::string difference(const Plan& plan, const std::vector<LedgerEntry>& done) {
  try {
    verify_ledger(plan, done);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

TEST(Ledger, NamesASiteThatNobodyConverted) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  // The first site's gemm comes first, its adapter second.
  ledger.erase(ledger.begin() + 1);
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] low did not fill slot adapter of " + kQ +
          ", which the plan gives it");
}

TEST(Ledger, CountsTheSitesOfOneDifference) {
  const Plan plan = Placing().feature("low", kAdapter, low_rank).place();
  EXPECT_EQ(
      difference(plan, {}),
      "[verify] the model is not what was planned:\n"
      "  - low did nothing of what the plan gives it: slot adapter of " +
          kQ +
          " and of 13 more\n"
          "  - plain did nothing of what the plan gives it: slot gemm of " +
          kQ + " and of 14 more");
}

TEST(Ledger, NamesASiteThatWasConvertedTwice) {
  const Plan plan = Placing().place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.push_back(ledger.front());
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] plain filled slot gemm of " + kQ + " more than once");
}

TEST(Ledger, NamesASlotThatSomebodyElseFilled) {
  const Plan plan = Placing().place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.front().plugin = "other";
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] the plan gives slot gemm of " + kQ +
          " to plain, but other filled it");
}

TEST(Ledger, NamesASlotThatWasGivenToNobody) {
  const Plan plan = Placing().place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.push_back({"other", kQ, "weight_transform"});
  ledger.push_back({"other", "", "op:rope"});
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] the model is not what was planned:\n"
      "  - other filled op:rope, which the plan gives to nobody\n"
      "  - other filled slot weight_transform of " +
          kQ + ", which the plan gives to nobody");
}

TEST(Ledger, NamesAHookThatWasClaimedAndNotRegistered) {
  const Plan plan =
      Placing().feature("logger", "claims = [\"step_end\"]\n", none).place();
  EXPECT_NO_THROW(verify_ledger(plan, faithful_ledger(plan)));
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.pop_back();
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] logger did nothing of what the plan gives it: step_end");
}

TEST(Ledger, NamesAnOpThatWasNotReplaced) {
  const Plan plan =
      Placing().feature("fast", "claims = [\"op:rope\"]\n", linears).place();
  std::vector<LedgerEntry> ledger = faithful_ledger(plan);
  ledger.pop_back();
  EXPECT_EQ(
      difference(plan, ledger),
      "[verify] fast did nothing of what the plan gives it: op:rope");
}

} // namespace
} // namespace octet
