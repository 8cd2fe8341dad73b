#include "core/data/tokenized_set.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/data/batch.h"
#include "core/data/formats.h"
#include "core/data/parallel.h"
#include "core/data/record_file.h"
#include "core/data/set_cache.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace octet {
namespace {

// Changes whenever the same inputs would give other samples.
constexpr std::string_view kRulesVersion = "octet data rules 1";

std::string set_key(
    const DataSetConfig& set,
    int64_t max_records,
    const RecordFile& file,
    const SetContext& context) {
  const RunConfig& config = context.config;
  Sha256 key;
  key.update_field(kRulesVersion);
  key.update_field(file.digest());
  key.update_field(file.path().extension().string());
  key.update_field(context.tokenizer_digest);
  key.update_field(
      context.chat_template ? context.chat_template->digest() : "no template");
  key.update_field(config.train.stage);
  key.update_field(set.format);
  for (const auto& [column, name] : set.columns) {
    key.update_field(column);
    key.update_field(name);
  }
  key.update_field(config.data.system.value_or(""));
  key.update_field(config.data.too_long);
  for (const int64_t number :
       {max_records,
        config.data.max_length,
        static_cast<int64_t>(config.data.packing),
        static_cast<int64_t>(config.data.train_on_prompt),
        static_cast<int64_t>(config.data.mask_history)}) {
    key.update_field(std::to_string(number));
  }
  return key.hex();
}

// What became of one record, kept until all threads are done.
struct Outcome {
  Sample sample;
  std::string bad;
  int64_t full_length = 0;
  bool truncated = false, crossed = false;
};

Outcome encode_record(
    const Record& record,
    const SetContext& context,
    const EncodeOptions& options) {
  Outcome outcome;
  if (context.chat_template) {
    EncodedRecord encoded = encode_chat(
        with_system(record.messages, context.config.data.system),
        *context.chat_template,
        context.tokenizer,
        options);
    outcome.sample = std::move(encoded.sample);
    outcome.full_length = encoded.full_length;
    outcome.truncated = encoded.truncated;
    outcome.crossed = encoded.crossed;
    return outcome;
  }
  outcome.sample.tokens = encode_document(record.text, context.tokenizer);
  outcome.full_length = static_cast<int64_t>(outcome.sample.tokens.size());
  if (!context.config.data.packing &&
      outcome.full_length > options.max_length) {
    if (options.too_long == TooLong::truncate) {
      outcome.sample.tokens.resize(static_cast<size_t>(options.max_length));
      outcome.truncated = true;
    } else {
      outcome.sample.tokens.clear();
    }
  }
  outcome.sample.labels = outcome.sample.tokens;
  return outcome;
}

void note(std::vector<RecordNote>& notes, int64_t line, std::string text) {
  if (notes.size() < kNamedRecords) {
    notes.push_back({line, std::move(text)});
  }
}

// Documents behind one another, cut into blocks; the last may be shorter.
void append_blocks(
    std::vector<Sample>& blocks,
    const std::vector<Outcome>& documents,
    int64_t max_length) {
  Sample block;
  const auto close = [&] {
    block.labels = block.tokens;
    if (has_target(block)) {
      blocks.push_back(block);
    }
    block = {};
  };
  for (const Outcome& document : documents) {
    for (const int32_t id : document.sample.tokens) {
      block.tokens.push_back(id);
      if (static_cast<int64_t>(block.tokens.size()) == max_length) {
        close();
      }
    }
  }
  close();
}

void stop_at_long_records(
    const TokenizedSet& set,
    const RecordFile& file,
    int64_t max_length) {
  Problems problems;
  for (const RecordNote& entry : set.long_notes) {
    problems.add(
        file.path().string() + ":" + std::to_string(entry.line) + " " +
        entry.text);
  }
  const std::string advice =
      "longer than data.max_length = " + std::to_string(max_length) +
      ", and data.too_long = \"stop\"; raise max_length, or set too_long to "
      "\"truncate\" or \"drop\"";
  if (set.long_notes.size() == 1) {
    throw Failure(
        ExitCode::input, "data", problems.items().front() + ": " + advice);
  }
  problems.raise(
      ExitCode::input,
      "data",
      std::to_string(set.dropped) + " records are " + advice +
          (static_cast<size_t>(set.dropped) > set.long_notes.size()
               ? ". The first of them"
               : ""));
}

TokenizedSet build_set(
    const DataSetConfig& set,
    int64_t max_records,
    const RecordFile& file,
    const SetContext& context) {
  const RecordFormat format(set, context.config.train.stage, file);
  const EncodeOptions options = encode_options(context.config);
  auto count = static_cast<int64_t>(file.records().size());
  if (max_records > 0) {
    count = std::min(count, max_records);
  }

  std::vector<Outcome> outcomes(static_cast<size_t>(count));
  for_each_parallel(
      count,
      context.config.run.threads,
      "Tokenizing " + file.path().filename().string(),
      [&](int64_t i) {
        const auto at = static_cast<size_t>(i);
        try {
          outcomes[at] = encode_record(
              format.read(file.bytes(file.records()[at])), context, options);
        } catch (const BadRecord& error) {
          outcomes[at].bad = error.what();
        } catch (const Failure& error) {
          // A template that refuses the messages; everything else that can
          // fail here is a failure of the run.
          if (error.component() != "template") {
            throw;
          }
          outcomes[at].bad = error.message();
        }
      });

  TokenizedSet result;
  result.format = format.name();
  result.records = count;
  const bool blocks = !context.chat_template && context.config.data.packing;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    Outcome& outcome = outcomes[i];
    const int64_t line = file.records()[i].line;
    if (!outcome.bad.empty()) {
      ++result.bad_records;
      note(result.bad_notes, line, outcome.bad);
      continue;
    }
    result.crossed += outcome.crossed ? 1 : 0;
    const bool usable = blocks || has_target(outcome.sample);
    const std::string length =
        "has " + std::to_string(outcome.full_length) + " tokens";
    if (!usable) {
      ++result.dropped;
      note(
          result.long_notes,
          line,
          outcome.full_length > options.max_length
              ? length
              : length + " and none to train");
    } else if (outcome.truncated) {
      ++result.truncated;
      note(result.long_notes, line, length);
    }
    if (usable && !blocks) {
      result.samples.push_back(std::move(outcome.sample));
    }
  }
  if (blocks) {
    append_blocks(result.samples, outcomes, options.max_length);
  }
  if (options.too_long == TooLong::stop && !result.long_notes.empty()) {
    stop_at_long_records(result, file, options.max_length);
  }
  return result;
}

} // namespace

std::shared_ptr<const ChatTemplate> template_of(
    const RunConfig& config,
    const Tokenizer& tokenizer) {
  if (config.train.stage == "pt") {
    return nullptr;
  }
  const std::string& name = config.data.chat_template;
  if (name == "auto") {
    return automatic_template(tokenizer);
  }
  if (name != "custom") {
    return named_template(name, template_tokens(tokenizer));
  }
  if (!config.data.custom_template) {
    throw Failure(
        ExitCode::usage,
        "data",
        "data.template = \"custom\" needs the table "
        "[data.custom_template] with its slots (docs/templates.md)");
  }
  const TemplateConfig& own = *config.data.custom_template;
  TemplateSlots slots;
  slots.name = "custom";
  slots.prefix = own.prefix;
  slots.system = own.system;
  slots.user = own.user;
  slots.assistant = own.assistant;
  slots.stop = own.stop;
  if (!own.default_system.empty()) {
    slots.default_system = own.default_system;
  }
  Problems problems;
  for (const auto& [key, slot, placeholder] :
       {std::tuple{"user", &own.user, "{user}"},
        std::tuple{"assistant", &own.assistant, "{assistant}"}}) {
    if (slot->find(placeholder) == std::string::npos) {
      problems.add(
          std::string("data.custom_template.") + key + " must hold " +
          placeholder + ", it is \"" + *slot + "\"");
    }
  }
  if (!own.system.empty() && own.system.find("{system}") == std::string::npos) {
    problems.add(
        "data.custom_template.system must hold {system}, it is \"" +
        own.system + "\"");
  }
  problems.raise(ExitCode::usage, "data", "the custom template is incomplete");
  return make_template(slots, template_tokens(tokenizer));
}

EncodeOptions encode_options(const RunConfig& config) {
  EncodeOptions options;
  options.max_length = config.data.max_length;
  options.too_long = config.data.too_long == "drop" ? TooLong::drop
      : config.data.too_long == "stop"              ? TooLong::stop
                                                    : TooLong::truncate;
  options.train_on_prompt = config.data.train_on_prompt;
  options.mask_history = config.data.mask_history;
  return options;
}

TokenizedSet load_set(
    const DataSetConfig& set,
    int64_t max_records,
    const SetContext& context) {
  const RecordFile file(set.path);
  if (file.records().empty()) {
    throw Failure(
        ExitCode::input, "data", set.path.string() + " has no records");
  }
  const std::string key = set_key(set, max_records, file, context);
  const bool use_cache = context.config.data.use_cache;
  const std::filesystem::path cached =
      use_cache ? cache_file(context.config, key) : std::filesystem::path();
  if (use_cache) {
    std::string why_not;
    if (auto hit = read_cached_set(cached, key, why_not)) {
      return *std::move(hit);
    }
    if (!why_not.empty()) {
      spdlog::warn(
          "[data] the cached tokens of {} are not used: {}; tokenizing again",
          set.path.string(),
          why_not);
    }
  }
  TokenizedSet built = build_set(set, max_records, file, context);
  built.key = key;
  if (use_cache) {
    const std::string problem = write_cached_set(cached, built);
    if (!problem.empty()) {
      spdlog::warn(
          "[data] the tokens of {} could not be kept for the next run: {}",
          set.path.string(),
          problem);
    }
  }
  return built;
}

} // namespace octet
