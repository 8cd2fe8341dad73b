#include "core/data/show.h"

#include "core/base/problems.h"
#include "core/data/batch.h"
#include "core/data/encode.h"
#include "core/data/formats.h"
#include "core/data/record_file.h"
#include "core/data/tokenized_set.h"

#include <algorithm>

namespace octet {
namespace {

constexpr const char* kOpen = "\xE2\x9F\xA6";
constexpr const char* kClose = "\xE2\x9F\xA7";

void encode_shown(
    ShownRecord& shown,
    const Record& record,
    const SetContext& context) {
  if (!context.chat_template) {
    shown.text = record.text;
    shown.tokens = encode_document(record.text, context.tokenizer);
    shown.labels = shown.tokens;
    return;
  }
  const std::vector<ChatMessage> messages =
      with_system(record.messages, context.config.data.system);
  shown.text = context.chat_template->text(messages, false);
  EncodedRecord encoded = encode_chat(
      messages,
      *context.chat_template,
      context.tokenizer,
      encode_options(context.config));
  shown.tokens = std::move(encoded.sample.tokens);
  shown.labels = std::move(encoded.sample.labels);
  shown.truncated = encoded.truncated;
  if (shown.tokens.empty()) {
    shown.problem = "dropped: it has " + std::to_string(encoded.full_length) +
        " tokens, data.max_length is " +
        std::to_string(context.config.data.max_length) +
        (encoded.truncated ? ", and no answer is left to train" : "");
  }
}

} // namespace

std::string mark_trained(const Sample& sample, const Tokenizer& tokenizer) {
  std::string text;
  size_t begin = 0;
  while (begin < sample.tokens.size()) {
    const bool trained = sample.labels[begin] != kIgnoreTarget;
    size_t end = begin;
    while (end < sample.tokens.size() &&
           (sample.labels[end] != kIgnoreTarget) == trained) {
      ++end;
    }
    const std::string part = tokenizer.decode(
        {sample.tokens.begin() + static_cast<int64_t>(begin),
         sample.tokens.begin() + static_cast<int64_t>(end)},
        false);
    text += trained ? kOpen + part + kClose : part;
    begin = end;
  }
  return text;
}

std::string describe_sample(const Sample& sample, const Tokenizer& tokenizer) {
  const auto trained = std::count_if(
      sample.labels.begin(), sample.labels.end(), [](int32_t label) {
        return label != kIgnoreTarget;
      });
  return std::to_string(sample.tokens.size()) + " tokens, " +
      std::to_string(trained) + " of them trained (between " + kOpen + " and " +
      kClose + "):\n" + mark_trained(sample, tokenizer);
}

std::vector<ShownRecord> show_records(
    const RunConfig& config,
    const Tokenizer& tokenizer,
    int64_t from,
    int64_t count) {
  const SetContext context{
      config, tokenizer, template_of(config, tokenizer), ""};
  std::vector<ShownRecord> records;
  int64_t number = 0;
  for (const DataSetConfig& set : config.data.train) {
    const RecordFile file(set.path);
    if (file.records().empty()) {
      throw Failure(
          ExitCode::input, "data", set.path.string() + " has no records");
    }
    const RecordFormat format(set, config.train.stage, file);
    int64_t taken = 0;
    for (const RecordSlice& slice : file.records()) {
      if (set.max_records > 0 && taken++ == set.max_records) {
        break;
      }
      if (number++ < from) {
        continue;
      }
      if (static_cast<int64_t>(records.size()) == count) {
        return records;
      }
      ShownRecord shown;
      shown.file = set.path.string();
      shown.line = slice.line;
      shown.chat_template =
          context.chat_template ? context.chat_template->name() : "";
      try {
        encode_shown(shown, format.read(file.bytes(slice)), context);
      } catch (const BadRecord& error) {
        shown.problem = error.what();
      } catch (const Failure& error) {
        if (error.component() != "template") {
          throw;
        }
        shown.problem = error.message();
      }
      shown.marked = mark_trained({shown.tokens, shown.labels}, tokenizer);
      records.push_back(std::move(shown));
    }
  }
  return records;
}

} // namespace octet
