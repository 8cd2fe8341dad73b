// trainer data --show: records as text, tokens and labels, so that a template
// can be checked before a run.
#include "core/data/batch.h"
#include "core/data/show.h"
#include "core/text/tokenizer.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"
#include "tools/trainer/run_options.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer data",
      "--config F [--show N] [--from K] [--json]",
      "Shows training records as the model will see them: the chat in its "
      "template, the\ntokens, and which of them are trained (between the "
      "brackets).",
      {{"trainer data --config run.toml --show 3", "the first three records"},
       {"trainer data --config run.toml --from 100 --show 1 --json",
        "record 100 (counted from 0) for a script, one JSON object a line"}});
  add_config_options(line.options());
  line.options().add_options()(
      "show",
      po::value<int64_t>()->default_value(1)->value_name("N"),
      "how many records")(
      "from",
      po::value<int64_t>()->default_value(0)->value_name("K"),
      "the first record, counted from 0")("json", "one JSON object a line");
  return line;
}

void print_json(const ShownRecord& record, const Tokenizer& tokenizer) {
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  for (const int32_t id : record.tokens) {
    tokens.push_back(tokenizer.id_to_token(id));
  }
  const nlohmann::ordered_json object = {
      {"file", record.file},
      {"line", record.line},
      {"template", record.chat_template},
      {"text", record.text},
      {"tokens", record.tokens},
      {"labels", record.labels},
      {"token_texts", tokens},
      {"truncated", record.truncated},
      {"problem", record.problem}};
  std::cout << object.dump(
                   -1, ' ', false, nlohmann::json::error_handler_t::replace)
            << "\n";
}

void print_text(const ShownRecord& record) {
  std::cout << record.file << ":" << record.line;
  if (!record.chat_template.empty()) {
    std::cout << "  template " << record.chat_template;
  }
  if (!record.problem.empty()) {
    std::cout << "\n  cannot be used: " << record.problem << "\n";
    return;
  }
  const auto trained = std::count_if(
      record.labels.begin(), record.labels.end(), [](int32_t label) {
        return label != kIgnoreTarget;
      });
  std::cout << "  " << record.tokens.size() << " tokens, " << trained
            << " trained" << (record.truncated ? ", cut to max_length" : "")
            << "\n"
            << record.marked << "\ntokens";
  for (const int32_t token : record.tokens) {
    std::cout << " " << token;
  }
  std::cout << "\nlabels";
  for (const int32_t label : record.labels) {
    std::cout << " " << label;
  }
  std::cout << "\n";
}

} // namespace

ExitCode run_data(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const int64_t from = line.get<int64_t>("from");
  const int64_t count = line.get<int64_t>("show");
  line.expect(from >= 0, "--from", "0 or more", std::to_string(from));
  line.expect(count >= 1, "--show", "1 or more", std::to_string(count));
  const RunConfig config = config_of(line);
  const auto tokenizer = load_tokenizer(config.model.path);
  const char* gap = "";
  for (const ShownRecord& record :
       show_records(config, *tokenizer, from, count)) {
    if (line.has("json")) {
      print_json(record, *tokenizer);
    } else {
      std::cout << gap;
      print_text(record);
      gap = "\n";
    }
  }
  return ExitCode::success;
}

} // namespace octet
