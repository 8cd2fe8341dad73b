// trainer tokenize: the ids of texts, to compare tokenizers with.
#include "core/text/tokenizer.h"
#include "tools/trainer/command_line.h"
#include "tools/trainer/commands.h"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace octet {
namespace {

CommandLine describe_command() {
  CommandLine line(
      "trainer tokenize",
      "--model M (--text T | --file F) [--json] [--no-special]",
      "Shows the token ids of a text. --file reads a JSON string from each "
      "line, so that\ntexts may hold line breaks; \"-\" is the standard input.",
      {{"trainer tokenize --model models/smollm2 --text \"Hello world\"",
        "each token with its id"},
       {"trainer tokenize --model models/smollm2 --file texts.jsonl --json",
        "one JSON object a line: ids, tokens, and the ids decoded again"}});
  line.options().add_options()(
      "model,m",
      po::value<std::string>()->value_name("PATH"),
      "a Hugging Face folder or a .gguf file")(
      "text,t", po::value<std::string>()->value_name("TEXT"), "the text")(
      "file,f",
      po::value<std::string>()->value_name("FILE"),
      "a JSON string on each line")("json", "one JSON object a text")(
      "no-special", "without the BOS and EOS that the model's file asks for");
  return line;
}

std::vector<std::string> read_texts(const std::string& name) {
  std::ifstream file;
  if (name != "-") {
    file.open(name, std::ios::binary);
    if (!file) {
      throw Failure(
          ExitCode::usage,
          "tokenize",
          "cannot read " + name + ": " + std::strerror(errno));
    }
  }
  std::istream& in = name == "-" ? std::cin : file;
  std::vector<std::string> texts;
  std::string line;
  for (int64_t number = 1; std::getline(in, line); ++number) {
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    const auto value = nlohmann::json::parse(line, nullptr, false);
    if (!value.is_string()) {
      throw Failure(
          ExitCode::input,
          "tokenize",
          name + ":" + std::to_string(number) +
              ": expected a JSON string such as \"some text\", found " +
              (value.is_discarded() ? "no JSON" : value.type_name()));
    }
    texts.push_back(value.get<std::string>());
  }
  return texts;
}

void print(
    const std::string& text,
    const std::vector<int32_t>& ids,
    const Tokenizer& tokenizer,
    bool json) {
  nlohmann::ordered_json tokens = nlohmann::ordered_json::array();
  for (const int32_t id : ids) {
    tokens.push_back(tokenizer.id_to_token(id));
    if (!json) {
      std::cout << id << "\t" << tokenizer.id_to_token(id) << "\n";
    }
  }
  if (json) {
    const nlohmann::ordered_json object = {
        {"text", text},
        {"ids", ids},
        {"tokens", tokens},
        {"decoded", tokenizer.decode(ids, false)}};
    std::cout << object.dump(
                     -1, ' ', false, nlohmann::json::error_handler_t::replace)
              << "\n";
  }
}

} // namespace

ExitCode run_tokenize(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const std::string model = line.required("model");
  if (line.has("text") == line.has("file")) {
    throw Failure(
        ExitCode::usage,
        "trainer",
        "expected one of --text and --file; see `trainer tokenize --help`");
  }
  const std::vector<std::string> texts = line.has("text")
      ? std::vector<std::string>{line.get<std::string>("text")}
      : read_texts(line.get<std::string>("file"));
  const auto tokenizer = load_tokenizer(model);
  for (const std::string& text : texts) {
    print(
        text,
        tokenizer->encode(text, !line.has("no-special")),
        *tokenizer,
        line.has("json"));
  }
  return ExitCode::success;
}

} // namespace octet
