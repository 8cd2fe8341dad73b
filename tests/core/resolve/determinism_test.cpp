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

const std::vector<std::string> kFeatures = {"a", "b", "c", "d", "e"};
const std::vector<std::string> kBackends = {"p", "q", "r"};
/// Partners of relations: names, and what some of them provide.
const std::vector<std::string> kPartners =
    {"a", "b", "c", "d", "e", "p", "q", "r", "odd", "fp8"};
const std::vector<std::string> kConditions = {
    "",
    "",
    "when = 'stage == \"pt\"'\n",
    "when = 'mode == \"hard\"'\n",
    "when = 'mode != \"hard\" and stage == \"sft\"'\n"};

const std::string& one_of(
    Random& random,
    const std::vector<std::string>& texts) {
  return texts[static_cast<size_t>(
      random.below(static_cast<int>(texts.size())))];
}

std::string random_relations(Random& random, const std::string& self) {
  std::string text;
  for (const std::string& other : kPartners) {
    if (other == self || random.below(5) > 0) {
      continue;
    }
    std::string with = "\"" + other + "\"";
    const std::string& third = one_of(random, kPartners);
    if (random.below(4) == 0 && third != self && third != other) {
      with += ", \"" + third + "\"";
    }
    text += "[[relation]]\nwith = [" + with + "]\nverdict = \"" +
        one_of(random, kVerdicts) + "\"\nreason = \"" + self +
        " says so\"\nway_out = \"drop one\"\n" + one_of(random, kConditions);
    if (random.below(3) == 0) {
      text += "after = \"" + other + "\"\n";
    }
  }
  return text;
}

/// What every plugin of these worlds has: something it provides, perhaps a need
/// that may not be met, an option for conditions, relations.
std::string random_tables(
    Random& random,
    const std::string& self,
    const std::string& provided) {
  return (random.below(3) == 0 ? "provides = [\"" + provided + "\"]\n" : "") +
      (random.below(5) == 0
           ? "[needs]\ndevice = \"cuda\"\ncapability = [\">=9.0\"]\n"
           : "") +
      "[options.mode]\ntype = \"string\"\none_of = [\"soft\", \"hard\"]\n"
      "default = \"soft\"\nhelp = \"how\"\n" +
      random_relations(random, self);
}

World random_world(Random& random) {
  World world;
  world.host.cuda_device_count = random.below(2) == 0 ? 0 : 1;
  world.host.cuda_capability = random.below(2) == 0 ? 89 : 90;
  world.config.train.stage = random.below(2) == 0 ? "sft" : "pt";
  for (const std::string& name : kBackends) {
    world.add(precision_toml(
        name, 10 * random.below(2), random_tables(random, name, "fp8")));
    if (random.below(3) == 0) {
      world.probes[name] = {false, "not here"};
    }
  }
  for (const std::string& name : kFeatures) {
    world.add(feature_toml(
        name,
        "claims = [\"" + one_of(random, kClaims) + "\"]\n" +
            random_tables(random, name, "odd")));
    if (random.below(2) == 0) {
      world.use_feature(name);
      if (random.below(3) == 0) {
        world.set_option(
            world.config.features[name], "mode", std::string("hard"));
      }
    }
  }
  if (random.below(2) == 0) {
    world.config.precision.backend = one_of(random, kBackends);
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

/// What is said of two features of which `a` declares `of_a` and `b` `of_b`:
/// findings and the matrix.
std::string said_of_two(
    const std::string& of_a,
    const std::string& of_b,
    const std::string& stage) {
  World world;
  world.add(feature_toml("a", of_a));
  world.add(feature_toml("b", of_b));
  std::vector<SelectedPlugin> selected;
  for (const CatalogEntry& entry : world.catalog.entries) {
    selected.push_back({&entry, {}, "asked"});
  }
  std::string text;
  for (const Finding& finding : related_findings(selected, stage)) {
    text +=
        std::to_string(static_cast<int>(finding.verdict)) + finding.text + "\n";
  }
  const Matrix matrix = compatibility_matrix(
      {world.catalog.entries[0].manifest, world.catalog.entries[1].manifest});
  return text + to_json(matrix).dump();
}

// The same relation written by the one or by the other, by name or by what the
// other provides, with a condition on the stage or without.
TEST(Determinism, AVerdictIsTheSameWhoeverDeclaresIt) {
  for (const std::string verdict : {"ok", "warn", "reject"}) {
    for (const std::string when : {"", "when = 'stage == \"pt\"'\n"}) {
      for (const bool provided : {false, true}) {
        const std::string provides = provided ? "provides = [\"thing\"]\n" : "";
        const auto about = [&](const std::string& other) {
          return provides + "[[relation]]\nwith = \"" +
              (provided ? "thing" : other) + "\"\nverdict = \"" + verdict +
              "\"\nreason = \"because\"\nway_out = \"drop one\"\n" + when;
        };
        for (const std::string stage : {"sft", "pt"}) {
          const std::string expected = said_of_two(about("b"), provides, stage);
          EXPECT_EQ(said_of_two(provides, about("a"), stage), expected);
          EXPECT_NE(expected.find(verdict), std::string::npos);
        }
      }
    }
  }
}

} // namespace
} // namespace octet
