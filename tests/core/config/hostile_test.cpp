// Files that nobody would write: cut off, damaged, absurdly nested. Each gives
// a configuration or a Failure, never anything else.
#include "tests/core/config/config_fixture.h"

#include "core/config/toml_tree.h"

#include <random>

namespace octet {
namespace {

class ConfigHostile : public ConfigTest {
 protected:
  // @returns whether it loaded
  static bool survives(const std::string& text) {
    try {
      load(text);
      return true;
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::usage);
      return false;
    }
  }
};

std::string full_file() {
  return "[run]\nname = \"x\"\nseed = 7\n[model]\npath = \"model\"\n"
         "[data]\nsystem = '''a\nb'''\npacking = false\n"
         "[[data.train]]\npath = \"a.jsonl\"\ncolumns = { output = \"a\" }\n"
         "[[data.train]]\npath = \"b.jsonl\"\nweight = 0.5\n"
         "[train]\nlearning_rate = 2e-4\nwarmup = 0x10\n"
         "[features.y]\nrank = 16\ntarget = [\"q\", \"\\u00e9\"]\n"
         "when = 1979-05-27T07:32:00Z\n";
}

TEST_F(ConfigHostile, EveryPrefixOfAFile) {
  const std::string text = full_file();
  for (size_t size = 0; size < text.size(); ++size) {
    survives(text.substr(0, size));
  }
}

TEST_F(ConfigHostile, DamagedBytes) {
  const std::string text = full_file();
  std::mt19937 random(1);
  int loaded = 0;
  for (int round = 0; round < 500; ++round) {
    std::string damaged = text;
    for (int i = 0; i < 3; ++i) {
      damaged[random() % damaged.size()] = static_cast<char>(random());
    }
    loaded += survives(damaged) ? 1 : 0;
  }
  // Damage to a name or a digit can leave a valid file; most does not.
  EXPECT_LT(loaded, 100);
}

TEST_F(ConfigHostile, DeepNesting) {
  EXPECT_FALSE(survives("a = " + std::string(100000, '[')));
  std::string keys = "a";
  for (int i = 0; i < 2000; ++i) {
    keys += ".a";
  }
  EXPECT_EQ(
      message(keys + " = 1\n"),
      "[config] expected at most 100 tables or arrays inside one another, "
      "found more (run.toml:1)");
}

TEST_F(ConfigHostile, DeepOverride) {
  std::string keys = "a";
  for (int i = 0; i < 2000; ++i) {
    keys += ".a";
  }
  EXPECT_NE(message(base(), {keys + "=1"}), "no problem");
  EXPECT_NE(
      message(base(), {"run.seed=" + std::string(100000, '[')}), "no problem");
}

TEST_F(ConfigHostile, NotUtf8) {
  EXPECT_FALSE(survives("[run]\nname = \"\xff\xfe\"\n"));
  EXPECT_NE(message(base(), {"features.x.y=\xff\xfe"}), "");
}

TEST_F(ConfigHostile, NumbersBeyondTheirType) {
  EXPECT_FALSE(survives(base() + "[run]\nseed = 99999999999999999999\n"));
  EXPECT_EQ(
      message(base() + "[train]\nlearning_rate = 1e999\n").find("no problem"),
      std::string::npos);
}

} // namespace
} // namespace octet
