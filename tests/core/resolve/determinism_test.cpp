// Resolution does not depend on the order in which plugins were found, and a
// verdict not on who declares it: random worlds, each resolved in shuffled
// order, 1,000 times in all. The seeds are fixed.
#include "core/base/problems.h"
#include "core/resolve/matrix.h"
#include "core/resolve/plan.h"
#include "core/resolve/relations.h"
#include "tests/core/resolve/placing.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <random>

namespace octet {
namespace {

using world::feature_toml;
using world::precision_toml;
using world::World;

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  int below(int end) {
    return std::uniform_int_distribution<int>(0, end - 1)(engine_);
  }
  std::mt19937& engine() {
    return engine_;
  }

 private:
  std::mt19937 engine_;
};

const std::vector<std::string> kClaims =
    {"adapter", "weight_transform", "input_transform", "op:rope", "step_end"};
const std::vector<std::string> kVerdicts = {"ok", "ok", "ok", "warn", "reject"};

std::string random_relations(
    Random& random,
    const std::string& self,
    const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& other : names) {
    if (other == self || random.below(4) > 0) {
      continue;
    }
    const std::string& verdict =
        kVerdicts[static_cast<size_t>(random.below(5))];
    text += "[[relation]]\nwith = \"" + other + "\"\nverdict = \"" + verdict +
        "\"\nreason = \"" + self + " says so\"\nway_out = \"drop one\"\n";
    if (random.below(3) == 0) {
      text += "after = \"" + other + "\"\n";
    }
  }
  return text;
}

World random_world(Random& random) {
  const std::vector<std::string> features = {"a", "b", "c", "d", "e"};
  const std::vector<std::string> backends = {"p", "q", "r"};
  std::vector<std::string> names = features;
  names.insert(names.end(), backends.begin(), backends.end());
  World world;
  for (const std::string& name : backends) {
    world.add(precision_toml(
        name, 10 * random.below(2), random_relations(random, name, names)));
    if (random.below(3) == 0) {
      world.probes[name] = {false, "not here"};
    }
  }
  for (const std::string& name : features) {
    world.add(feature_toml(
        name,
        "claims = [\"" + kClaims[static_cast<size_t>(random.below(5))] +
            "\"]\n" + random_relations(random, name, names)));
    if (random.below(2) == 0) {
      world.use_feature(name);
    }
  }
  if (random.below(2) == 0) {
    world.config.precision.backend =
        backends[static_cast<size_t>(random.below(3))];
  }
  return world;
}

/// The plan as JSON and text, or every conflict.
std::string outcome(World& world) {
  const ModelSpec spec = placing::tiny_model();
  try {
    Selection selection = world.select();
    std::vector<SiteVerdicts> answers;
    const auto ask = [&](const SelectedPlugin& plugin) {
      answers.push_back({plugin.entry->manifest.name, {}});
      for (const Site& site : spec.sites()) {
        answers.back().verdicts.push_back(
            site.kind == SiteKind::linear ? SiteVerdict::yes()
                                          : SiteVerdict::skip("no linear"));
      }
    };
    ask(selection.precision);
    for (const SelectedPlugin& feature : selection.features) {
      ask(feature);
    }
    const Plan plan = place_plugins(std::move(selection), spec, answers);
    return to_json(plan).dump() + describe(plan) + describe_sites(plan);
  } catch (const Failure& failure) {
    return failure.what();
  }
}

TEST(Determinism, TheOrderOfTheCatalogChangesNoPlanAndNoConflict) {
  int plans = 0, conflicts = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    Random random(seed);
    World world = random_world(random);
    const std::string expected = outcome(world);
    ++(expected.front() == '{' ? plans : conflicts);
    for (int round = 0; round < 10; ++round) {
      std::shuffle(
          world.catalog.entries.begin(),
          world.catalog.entries.end(),
          random.engine());
      ASSERT_EQ(outcome(world), expected) << "seed " << seed;
    }
  }
  // Both kinds of outcome are covered.
  EXPECT_GE(plans, 10);
  EXPECT_GE(conflicts, 10);
}

// The same relation written by the one or by the other.
TEST(Determinism, AVerdictIsTheSameWhoeverDeclaresIt) {
  for (const std::string verdict : {"ok", "warn", "reject"}) {
    const auto about = [&](const std::string& other) {
      return "[[relation]]\nwith = \"" + other + "\"\nverdict = \"" + verdict +
          "\"\nreason = \"because\"\nway_out = \"drop one\"\n";
    };
    const auto findings = [&](const std::string& of_a,
                              const std::string& of_b) {
      World world;
      world.add(feature_toml("a", of_a));
      world.add(feature_toml("b", of_b));
      std::vector<SelectedPlugin> selected;
      for (const CatalogEntry& entry : world.catalog.entries) {
        selected.push_back({&entry, {}, "asked"});
      }
      std::string text;
      for (const Finding& finding : related_findings(selected, "sft")) {
        text += std::to_string(static_cast<int>(finding.verdict)) +
            finding.text + "\n";
      }
      const Matrix matrix = compatibility_matrix(
          {world.catalog.entries[0].manifest,
           world.catalog.entries[1].manifest});
      return text + to_json(matrix).dump();
    };
    const std::string expected = findings(about("b"), "");
    EXPECT_EQ(findings("", about("a")), expected);
    EXPECT_NE(expected.find(verdict), std::string::npos);
  }
}

} // namespace
} // namespace octet
