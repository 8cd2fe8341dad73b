// The schema itself: nothing forgotten, nothing that contradicts itself.
#include "tests/core/config/config_fixture.h"

#include "core/config/schema.h"
#include "core/config/toml_tree.h"

#include <set>

namespace octet {
namespace {

// Addresses of all members that some key fills.
std::set<const void*> bound_members(const Target& target) {
  std::set<const void*> members;
  for (const TableSpec& table : config_tables()) {
    const bool fits =
        (table.owner == TableSpec::Owner::run && target.run != nullptr) ||
        (table.owner == TableSpec::Owner::data_set &&
         target.data_set != nullptr) ||
        (table.owner == TableSpec::Owner::chat_template &&
         target.chat_template != nullptr);
    if (fits) {
      for (const KeySpec& key : table.keys) {
        std::visit(
            [&](const auto* slot) {
              EXPECT_TRUE(members.insert(slot).second)
                  << table.path << "." << key.name
                  << " fills a member that another key fills";
            },
            key.slot(target));
      }
    }
  }
  return members;
}

template <class... Members>
void expect_all(
    const std::set<const void*>& bound,
    const char* section,
    const Members&... members) {
  size_t index = 0;
  const auto expect = [&](const void* member) {
    EXPECT_EQ(bound.count(member), 1u)
        << "member " << index << " of " << section << " has no key";
    ++index;
  };
  (expect(&members), ...);
}

// The structured bindings stop compiling when a member is added to a section,
// so that whoever adds one comes by here.
TEST(Schema, EveryMemberOfRunConfigHasAKey) {
  RunConfig config;
  Target target;
  target.run = &config;
  const std::set<const void*> bound = bound_members(target);
  {
    const auto& [name, output, seed, threads, device, cuda_libraries] =
        config.run;
    expect_all(
        bound, "run", name, output, seed, threads, device, cuda_libraries);
  }
  {
    const auto& [path] = config.model;
    expect_all(bound, "model", path);
  }
  {
    // custom_template is a table of its own.
    const auto& [train, eval, eval_fraction, chat_template, custom_template, system, max_length, packing, train_on_prompt, mask_history, too_long, shuffle, bad_record_limit, cache, use_cache] =
        config.data;
    expect_all(
        bound,
        "data",
        train,
        eval,
        eval_fraction,
        chat_template,
        system,
        max_length,
        packing,
        train_on_prompt,
        mask_history,
        too_long,
        shuffle,
        bad_record_limit,
        cache,
        use_cache);
    EXPECT_EQ(bound.count(&custom_template), 0u);
  }
  {
    const auto& [stage, epochs, max_steps, batch_size, gradient_accumulation, tokens_per_step, learning_rate, schedule, warmup, decay, min_learning_rate_ratio, weight_decay, beta1, beta2, epsilon, max_grad_norm, activation_checkpointing, log_every] =
        config.train;
    expect_all(
        bound,
        "train",
        stage,
        epochs,
        max_steps,
        batch_size,
        gradient_accumulation,
        tokens_per_step,
        learning_rate,
        schedule,
        warmup,
        decay,
        min_learning_rate_ratio,
        weight_decay,
        beta1,
        beta2,
        epsilon,
        max_grad_norm,
        activation_checkpointing,
        log_every);
  }
  {
    const auto& [every, max_records] = config.eval;
    expect_all(bound, "eval", every, max_records);
  }
  {
    // place is no key; tables are the backends' own.
    const auto& [backend, measure, measure_margin, timings, place, tables] =
        config.precision;
    expect_all(bound, "precision", backend, measure, measure_margin, timings);
    EXPECT_EQ(bound.count(&place) + bound.count(&tables), 0u);
  }
  {
    const auto& [every, overflow_limit, underflow_limit, sites] = config.watch;
    expect_all(bound, "watch", every, overflow_limit, underflow_limit, sites);
  }
  {
    const auto& [path, pin] = config.plugins;
    expect_all(bound, "plugins", path, pin);
  }
  {
    const auto& [every, keep] = config.checkpoint;
    expect_all(bound, "checkpoint", every, keep);
  }
  {
    const auto& [dtype] = config.export_;
    expect_all(bound, "export", dtype);
  }
}

TEST(Schema, EveryMemberOfADataSetAndATemplateHasAKey) {
  DataSetConfig set;
  TemplateConfig chat;
  Target sets, chats;
  sets.data_set = &set;
  chats.chat_template = &chat;
  const auto& [path, format, columns, weight, max_records, place] = set;
  const std::set<const void*> bound = bound_members(sets);
  expect_all(bound, "data set", path, format, columns, weight, max_records);
  EXPECT_EQ(bound.count(&place), 0u);
  const auto& [prefix, system, user, assistant, default_system, stop] = chat;
  expect_all(
      bound_members(chats),
      "template",
      prefix,
      system,
      user,
      assistant,
      default_system,
      stop);
}

TEST(Schema, EveryKeyIsExplained) {
  for (const TableSpec& table : config_tables()) {
    EXPECT_FALSE(table.help.empty()) << table.path;
    for (const KeySpec& key : table.keys) {
      const std::string path = table.path + "." + key.name;
      EXPECT_GE(key.help.size(), 15u) << path;
      EXPECT_NE(key.help.back(), '.') << path;
      EXPECT_FALSE(type_name(table, key).empty()) << path;
      EXPECT_FALSE(key.example.empty()) << path;
      TomlNode node;
      EXPECT_TRUE(parse_toml_value(key.example, node)) << path;
    }
  }
}

TEST(Schema, KeyIsRequiredOrHasADefaultOrSaysWhereItComesFrom) {
  for (const TableSpec& table : config_tables()) {
    for (const KeySpec& key : table.keys) {
      const int ways = (key.required ? 1 : 0) + (key.fallback ? 1 : 0) +
          (key.default_text.empty() ? 0 : 1);
      EXPECT_EQ(ways, 1) << table.path << "." << key.name;
    }
  }
}

TEST(Schema, NoOtherTrainersNameIsAKeyOfTheSameTable) {
  for (const TableSpec& table : config_tables()) {
    for (const KeySpec& key : table.keys) {
      for (const std::string& alias : key.also_called) {
        for (const KeySpec& other : table.keys) {
          EXPECT_NE(alias, other.name) << table.path << "." << key.name;
        }
      }
    }
  }
}

using SchemaFile = ConfigTest;

// Every example and every default goes through the checks that a user's value
// goes through, one key a file.
TEST_F(SchemaFile, ExamplesAreAccepted) {
  std::filesystem::create_directories("build/plugins");
  std::filesystem::create_directory("data");
  std::filesystem::create_directories("models/smollm2-135m");
  std::filesystem::create_directories("runs/first");
  std::filesystem::create_directories("venv/lib/python3.11/site-packages");
  for (const char* file :
       {"data/identity.jsonl",
        "data/chat.json",
        "data/heldout.jsonl",
        "runs/first/timings.json"}) {
    write(file, "{}");
  }
  for (const TableSpec& table : config_tables()) {
    if (table.owner != TableSpec::Owner::run) {
      continue;
    }
    for (const KeySpec& key : table.keys) {
      const std::string path = table.path + "." + key.name;
      std::vector<std::string> overrides = {path + "=" + key.example};
      if (path == "train.decay") {
        overrides.push_back("train.schedule=warmup-stable-decay");
      } else if (path == "eval.every") {
        overrides.push_back("data.eval_fraction=0.1");
      } else if (
          path == "precision.measure_margin" || path == "precision.timings") {
        overrides.push_back("precision.measure=true");
      } else if (table.path == "watch") {
        overrides.insert(overrides.begin(), "watch.every=10");
      }
      EXPECT_EQ(message(base(), overrides), "no problem") << path;
    }
  }
}

TEST_F(SchemaFile, DefaultsAreAccepted) {
  const RunConfig config = load(base());
  for (const TableSpec& table : config_tables()) {
    for (const KeySpec& key : table.keys) {
      if (table.owner == TableSpec::Owner::run && key.fallback &&
          key.name != "decay") {
        const std::string path = table.path + "." + key.name;
        EXPECT_EQ(
            message(base(), {path + "=" + default_text(key)}), "no problem")
            << path;
      }
    }
  }
}

} // namespace
} // namespace octet
