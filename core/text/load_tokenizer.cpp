// Finds a model's tokenizer: a Hugging Face folder or a GGUF file.
#include "core/text/tokenizer.h"

#include "core/base/problems.h"
#include "core/text/read_gguf_tokenizer.h"
#include "core/text/read_tokenizer_json.h"

#include <fstream>
#include <iterator>

namespace octet {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void fail(const fs::path& path, const std::string& message) {
  throw Failure(ExitCode::input, "tokenizer", path.string() + ": " + message);
}

/// "" when there is no such file.
std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

json read_json(const fs::path& path) {
  if (!fs::exists(path)) {
    return nullptr;
  }
  try {
    return json::parse(read_file(path));
  } catch (const json::parse_error& error) {
    fail(path, std::string("expected JSON: ") + error.what());
  }
}

/// A token written as a text or as {"content": ..}; "" for none.
std::string token_text(const json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) {
    return "";
  }
  const json& value = config[key];
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_object() && value.contains("content") &&
      value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return "";
}

std::optional<int32_t> find_id(
    const text::TokenizerSource& source,
    const std::string& token) {
  for (const auto& added : source.added) {
    if (added.content == token) {
      return added.id;
    }
  }
  for (size_t id = 0; id < source.bpe.tokens.size(); ++id) {
    if (source.bpe.tokens[id] == token) {
      return static_cast<int32_t>(id);
    }
  }
  return std::nullopt;
}

/// From tokenizer_config.json, else special_tokens_map.json, else the first
/// id in config.json.
std::optional<int32_t> special_id(
    const text::TokenizerSource& source,
    const fs::path& folder,
    const std::string& which) {
  const std::string key = which + "_token";
  std::string token = token_text(source.own_config, key.c_str());
  if (token.empty()) {
    token =
        token_text(read_json(folder / "special_tokens_map.json"), key.c_str());
  }
  if (!token.empty()) {
    const auto id = find_id(source, token);
    if (!id) {
      fail(folder, key + " \"" + token + "\" is not in tokenizer.json");
    }
    return id;
  }
  const json config = read_json(folder / "config.json");
  json value =
      config.is_object() ? config.value(which + "_token_id", json()) : json();
  if (value.is_array() && !value.empty()) {
    value = json(value[0]);
  }
  if (!value.is_number_integer()) {
    return std::nullopt;
  }
  return value.get<int32_t>();
}

/// chat_template.jinja, else "chat_template" in tokenizer_config.json: a text,
/// or a list of named ones with a "default".
std::string find_template(const json& config, const fs::path& folder) {
  if (fs::exists(folder / "chat_template.jinja")) {
    return read_file(folder / "chat_template.jinja");
  }
  if (!config.is_object() || !config.contains("chat_template")) {
    return "";
  }
  const json& value = config["chat_template"];
  if (value.is_string()) {
    return value.get<std::string>();
  }
  if (value.is_array()) {
    for (const json& item : value) {
      if (item.is_object() && item.value("name", "") == "default") {
        return item.value("template", "");
      }
    }
  }
  return "";
}

text::TokenizerSource read_folder(const fs::path& folder) {
  const fs::path file = folder / "tokenizer.json";
  if (!fs::exists(file)) {
    const bool sentencepiece = fs::exists(folder / "tokenizer.model");
    fail(
        folder,
        std::string("expected tokenizer.json, found none") +
            (sentencepiece
                 ? "; there is a tokenizer.model, which Octet does not read: "
                   "convert it to tokenizer.json"
                 : ""));
  }
  text::TokenizerSource source =
      text::read_tokenizer_json(read_file(file), file.string());
  source.own_config = read_json(folder / "tokenizer_config.json");
  source.bos = special_id(source, folder, "bos");
  source.eos = special_id(source, folder, "eos");
  source.pad = special_id(source, folder, "pad");
  source.chat_template = find_template(source.own_config, folder);
  return source;
}

} // namespace

std::shared_ptr<const Tokenizer> load_tokenizer(const fs::path& model) {
  if (!fs::exists(model)) {
    fail(model, "expected a model folder or a .gguf file, found nothing");
  }
  text::TokenizerSource source = fs::is_directory(model)
      ? read_folder(model)
      : text::read_gguf_tokenizer(*GgufFile::open(model));
  return std::make_shared<text::PipelineTokenizer>(std::move(source));
}

} // namespace octet
