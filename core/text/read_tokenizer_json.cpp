// tokenizer.json to a TokenizerSource; see read_tokenizer_json.h.
#include "core/text/read_tokenizer_json.h"

#include "core/base/problems.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet::text {

namespace {

using nlohmann::json;

/// Ids beyond this are taken for damage rather than for a vocabulary.
constexpr int64_t kLargestId = 50'000'000;

void read_vocab(const JsonPart& model, BpeSpec& bpe) {
  const JsonPart vocab = model.at("vocab");
  if (!vocab.value().is_object()) {
    vocab.fail(
        std::string("expected an object from token to id, got ") +
        vocab.value().type_name());
  }
  for (const auto& [token, id] : vocab.value().items()) {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() > kLargestId) {
      vocab.fail(
          "expected an id from 0 to " + std::to_string(kLargestId) + " for \"" +
          token + "\", got " + id.dump());
    }
    const auto at = id.get<size_t>();
    if (at >= bpe.tokens.size()) {
      bpe.tokens.resize(std::max(at + 1, vocab.value().size()));
    }
    if (bpe.tokens[at]) {
      vocab.fail(fmt::format(
          "id {} stands for two tokens, \"{}\" and \"{}\"",
          at,
          *bpe.tokens[at],
          token));
    }
    bpe.tokens[at] = token;
  }
  while (!bpe.tokens.empty() && !bpe.tokens.back()) {
    bpe.tokens.pop_back();
  }
}

void read_merges(const JsonPart& model, BpeSpec& bpe) {
  const JsonPart merges = model.at("merges");
  if (!merges.value().is_array()) {
    merges.fail(
        std::string("expected an array, got ") + merges.value().type_name());
  }
  bpe.merges.reserve(merges.value().size());
  size_t index = 0;
  for (const json& merge : merges.value()) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() &&
        merge[1].is_string()) {
      bpe.merges.emplace_back(
          merge[0].get<std::string>(), merge[1].get<std::string>());
    } else if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      if (text.rfind("#version", 0) == 0) {
        continue;
      }
      const size_t space = text.find(' ');
      if (space == std::string::npos ||
          text.find(' ', space + 1) != std::string::npos) {
        merges.fail(fmt::format(
            "expected two tokens with one space between at {}, got \"{}\"",
            index,
            text));
      }
      bpe.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    } else {
      merges.fail(fmt::format(
          "expected two tokens at {}, got {}", index, merge.dump()));
    }
    ++index;
  }
}

void read_model(const JsonPart& model, BpeSpec& bpe) {
  if (model.has("type") && model.text("type") != "BPE") {
    model.fail(
        "expected a BPE model, got \"" + model.text("type") +
        "\"; Octet has BPE tokenizers only");
  }
  if (model.has("dropout") && model.value()["dropout"] != 0) {
    model.fail(
        "dropout (" + model.value()["dropout"].dump() +
        ") makes ids random; set it to null");
  }
  read_vocab(model, bpe);
  read_merges(model, bpe);
  bpe.unk_token = model.text_or("unk_token", "");
  bpe.continuing_subword_prefix =
      model.text_or("continuing_subword_prefix", "");
  bpe.end_of_word_suffix = model.text_or("end_of_word_suffix", "");
  bpe.fuse_unk = model.flag_or("fuse_unk", false);
  bpe.byte_fallback = model.flag_or("byte_fallback", false);
  bpe.ignore_merges = model.flag_or("ignore_merges", false);
}

/// tokenizers gives an added token the id of the vocabulary, or the next free
/// one, whatever the file says; a file that says another id would silently
/// train the wrong rows.
void check_ids(const TokenizerSource& source) {
  std::unordered_map<std::string_view, int32_t> vocabulary;
  for (size_t id = 0; id < source.bpe.tokens.size(); ++id) {
    if (source.bpe.tokens[id]) {
      vocabulary[*source.bpe.tokens[id]] = static_cast<int32_t>(id);
    }
  }
  const auto count = static_cast<int32_t>(vocabulary.size());
  int32_t next = count;
  Problems problems;
  for (const AddedToken& token : source.added) {
    const auto known = vocabulary.find(token.content);
    const int32_t wanted = known == vocabulary.end() ? next : known->second;
    if (token.id != wanted) {
      problems.add(fmt::format(
          "added token \"{}\" has the id {}, expected {} ({})",
          token.content,
          token.id,
          wanted,
          known == vocabulary.end() ? "the next free one"
                                    : "its id in the vocabulary"));
    }
    if (known == vocabulary.end()) {
      vocabulary[token.content] = token.id;
      ++next;
    }
  }
  problems.raise(
      ExitCode::input,
      "tokenizer",
      source.file + ": ids that tokenizers would change");
}

void read_added(const JsonPart& root, TokenizerSource& source) {
  for (const JsonPart& item : root.items("added_tokens")) {
    AddedToken token;
    const int64_t id = item.integer("id");
    if (id < 0 || id > kLargestId) {
      item.fail("expected an id from 0, got " + std::to_string(id));
    }
    token.id = static_cast<int32_t>(id);
    token.content = item.text("content");
    token.single_word = item.flag_or("single_word", false);
    token.lstrip = item.flag_or("lstrip", false);
    token.rstrip = item.flag_or("rstrip", false);
    token.normalized = item.flag_or("normalized", false);
    token.special = item.flag_or("special", false);
    if (!token.content.empty()) {
      source.added.push_back(std::move(token));
    }
  }
  check_ids(source);
}

json part_or_null(json& root, const char* key) {
  return root.contains(key) ? std::move(root[key]) : json();
}

} // namespace

TokenizerSource read_tokenizer_json(std::string content, std::string file) {
  TokenizerSource source;
  source.file = std::move(file);
  json parsed;
  try {
    parsed = json::parse(content);
  } catch (const json::parse_error& error) {
    throw Failure(
        ExitCode::input,
        "tokenizer",
        source.file + ": expected JSON: " + error.what());
  }
  const JsonPart root(parsed, source.file, "");
  read_model(root.at("model"), source.bpe);
  read_added(root, source);
  source.normalizer = part_or_null(parsed, "normalizer");
  source.pre_tokenizer = part_or_null(parsed, "pre_tokenizer");
  source.post_processor = part_or_null(parsed, "post_processor");
  source.decoder = part_or_null(parsed, "decoder");
  source.own_json = std::move(content);
  return source;
}

} // namespace octet::text
