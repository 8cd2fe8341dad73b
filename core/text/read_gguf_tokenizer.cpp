// GGUF metadata to a TokenizerSource; see read_gguf_tokenizer.h.
#include "core/text/read_gguf_tokenizer.h"

#include "core/base/problems.h"
#include "core/text/split_patterns.h"
#include "core/text/unicode.h"

#include <fmt/format.h>

#include <cctype>
#include <string_view>
#include <unordered_set>

namespace octet::text {

namespace {

using nlohmann::json;

/// Values of tokenizer.ggml.token_type.
enum TokenType { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4 };

class GgufTokenizer {
 public:
  explicit GgufTokenizer(const GgufFile& file) : file_(file) {
    source_.file = file.path().string();
  }

  TokenizerSource read() {
    const auto model = file_.find_string("tokenizer.ggml.model");
    if (!model) {
      fail(
          "expected the key tokenizer.ggml.model, found none; the file has "
          "no tokenizer");
    }
    read_tokens();
    read_ids();
    if (*model == "gpt2") {
      read_gpt2();
    } else if (*model == "llama") {
      read_sentencepiece();
    } else {
      fail(
          "tokenizer.ggml.model \"" + *model +
          "\" is not supported (supported: gpt2 and llama)");
    }
    read_added_tokens(*model);
    add_bos_and_eos();
    source_.chat_template =
        file_.find_string("tokenizer.chat_template").value_or("");
    return std::move(source_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw Failure(ExitCode::input, "tokenizer", source_.file + ": " + message);
  }

  const GgufArray& array(
      const std::string& key,
      bool right_kind(const GgufArray&)) const {
    const GgufArray* found = file_.find_array(key);
    if (found == nullptr) {
      fail("expected the key " + key + ", found none");
    }
    if (!right_kind(*found)) {
      fail(key + " holds values of another type than expected");
    }
    return *found;
  }

  size_t count() const {
    return source_.bpe.tokens.size();
  }

  void read_tokens() {
    const GgufArray& tokens = array(
        "tokenizer.ggml.tokens",
        [](const GgufArray& a) { return a.holds_strings(); });
    Problems problems;
    std::unordered_set<std::string_view> seen;
    seen.reserve(tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) {
      const std::string_view token = tokens.string(i);
      if (find_invalid_utf8(token) != std::string_view::npos) {
        problems.add(fmt::format("token {} is not UTF-8", i));
      } else if (token.empty()) {
        source_.bpe.tokens.emplace_back();
        continue;
      } else if (!seen.insert(token).second) {
        problems.add(
            fmt::format("token {} (\"{}\") stands there twice", i, token));
      }
      source_.bpe.tokens.emplace_back(token);
    }
    problems.raise(
        ExitCode::input, "tokenizer", source_.file + ": tokenizer.ggml.tokens");
    if (file_.find_array("tokenizer.ggml.token_type") != nullptr) {
      const GgufArray& types = array(
          "tokenizer.ggml.token_type",
          [](const GgufArray& a) { return a.holds_integers(); });
      check_size(types, "tokenizer.ggml.token_type");
      for (size_t i = 0; i < types.size(); ++i) {
        types_.push_back(types.integer(i));
      }
    } else {
      types_.assign(count(), kNormal);
    }
  }

  void check_size(const GgufArray& values, const std::string& key) const {
    if (values.size() != count()) {
      fail(fmt::format(
          "expected {} values in {} (one a token), got {}",
          count(),
          key,
          values.size()));
    }
  }

  std::optional<int32_t> id(const std::string& key) const {
    const auto value = file_.find_integer(key);
    if (!value) {
      return std::nullopt;
    }
    if (*value < 0 || static_cast<size_t>(*value) >= count()) {
      fail(fmt::format(
          "{} is {}, expected an id below {}", key, *value, count()));
    }
    return static_cast<int32_t>(*value);
  }

  void read_ids() {
    source_.bos = id("tokenizer.ggml.bos_token_id");
    source_.eos = id("tokenizer.ggml.eos_token_id");
    source_.pad = id("tokenizer.ggml.padding_token_id");
  }

  void read_gpt2() {
    const auto pre = file_.find_string("tokenizer.ggml.pre");
    if (!pre) {
      fail(
          "expected the key tokenizer.ggml.pre, found none; without it how "
          "texts are split is not known. Convert the model again");
    }
    bool found = false;
    NamedSplit split = split_of(*pre, found);
    if (!found) {
      const std::string near = nearest_name(*pre, split_names());
      fail(
          "tokenizer.ggml.pre \"" + *pre + "\" is not supported" +
          (near.empty() ? "" : "; did you mean \"" + near + "\"?") +
          " (supported: " + join_names(split_names()) + ")");
    }
    source_.normalizer = std::move(split.normalizer);
    source_.pre_tokenizer = std::move(split.pre_tokenizer);
    source_.bpe.ignore_merges = split.ignore_merges;
    add_bos_ = split.add_bos;
    source_.decoder = {
        {"type", "ByteLevel"},
        {"add_prefix_space", true},
        {"trim_offsets", true},
        {"use_regex", true}};
    read_merges();
  }

  void read_merges() {
    const GgufArray& merges = array(
        "tokenizer.ggml.merges",
        [](const GgufArray& a) { return a.holds_strings(); });
    std::unordered_set<std::string_view> seen;
    seen.reserve(merges.size());
    source_.bpe.merges.reserve(merges.size());
    for (size_t i = 0; i < merges.size(); ++i) {
      const std::string_view merge = merges.string(i);
      const size_t space = merge.find(' ', 1);
      if (space == std::string_view::npos) {
        fail(fmt::format(
            "expected two tokens with a space between in "
            "tokenizer.ggml.merges[{}], got \"{}\"",
            i,
            merge));
      }
      // Of two equal merges llama.cpp uses the first, tokenizers the last.
      if (seen.insert(merge).second) {
        source_.bpe.merges.emplace_back(
            merge.substr(0, space), merge.substr(space + 1));
      }
    }
  }

  void read_sentencepiece() {
    const GgufArray& scores =
        array("tokenizer.ggml.scores", [](const GgufArray& a) {
          return a.holds_reals() || a.holds_integers();
        });
    check_size(scores, "tokenizer.ggml.scores");
    BpeSpec& bpe = source_.bpe;
    for (size_t i = 0; i < scores.size(); ++i) {
      bpe.scores.push_back(static_cast<float>(scores.real(i)));
    }
    bpe.byte_fallback = true;
    bpe.fuse_unk = true;
    if (const auto unk = id("tokenizer.ggml.unknown_token_id")) {
      bpe.unk_token = bpe.tokens[static_cast<size_t>(*unk)].value_or("");
    }
    add_bos_ = true;

    const std::string mark = "\xE2\x96\x81";
    const bool prefix =
        file_.find_boolean("tokenizer.ggml.add_space_prefix").value_or(true);
    json replace = {
        {"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", mark}};
    source_.normalizer = {{"type", "Sequence"}, {"normalizers", json::array()}};
    json decoders = json::array(
        {{{"type", "Replace"},
          {"pattern", {{"String", mark}}},
          {"content", " "}},
         {{"type", "ByteFallback"}},
         {{"type", "Fuse"}}});
    if (prefix) {
      source_.normalizer["normalizers"].push_back(
          {{"type", "Prepend"}, {"prepend", mark}});
      decoders.push_back(
          {{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    }
    source_.normalizer["normalizers"].push_back(std::move(replace));
    source_.decoder = {{"type", "Sequence"}, {"decoders", std::move(decoders)}};
  }

  void read_added_tokens(const std::string& model) {
    // The metadata has no place for it; Phi-3's tokens swallow the white
    // space behind them, and converters of that model rely on its name.
    std::string name = file_.find_string("general.name").value_or("");
    for (char& c : name) {
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    const bool phi3 = model == "llama" &&
        (name.find("phi-3") != std::string::npos ||
         name.find("phi3") != std::string::npos);
    for (size_t i = 0; i < count(); ++i) {
      const int64_t type = types_[i];
      if ((type != kControl && type != kUnknown && type != kUserDefined) ||
          !source_.bpe.tokens[i]) {
        continue;
      }
      AddedToken token;
      token.id = static_cast<int32_t>(i);
      token.content = *source_.bpe.tokens[i];
      token.special = type != kUserDefined;
      token.rstrip = phi3 && token.content != "<unk>" &&
          token.content != "<s>" && token.content != "<|endoftext|>";
      source_.added.push_back(std::move(token));
    }
  }

  void add_bos_and_eos() {
    const bool bos =
        file_.find_boolean("tokenizer.ggml.add_bos_token").value_or(add_bos_);
    const bool eos =
        file_.find_boolean("tokenizer.ggml.add_eos_token").value_or(false);
    json before = json::array();
    json after = json::array();
    json tokens = json::object();
    const auto add = [&](json& out,
                         const std::optional<int32_t>& token_id,
                         const std::string& which) {
      if (!token_id) {
        fail(
            "tokenizer.ggml.add_" + which +
            "_token is set, but there is no "
            "tokenizer.ggml." +
            which + "_token_id");
      }
      const std::string token =
          source_.bpe.tokens[static_cast<size_t>(*token_id)].value_or("");
      out.push_back({{"SpecialToken", {{"id", token}, {"type_id", 0}}}});
      tokens[token] = {
          {"id", token}, {"ids", {*token_id}}, {"tokens", {token}}};
    };
    if (bos) {
      add(before, source_.bos, "bos");
    }
    if (eos) {
      add(after, source_.eos, "eos");
    }
    if (!bos && !eos) {
      return;
    }
    const auto around = [&](std::initializer_list<const char*> texts) {
      json items = json::array();
      int type_id = 0;
      for (const char* text : texts) {
        for (const json* part : {&before, &after}) {
          if (part == &after) {
            items.push_back(
                {{"Sequence", {{"id", text}, {"type_id", type_id}}}});
          }
          for (json item : *part) {
            item["SpecialToken"]["type_id"] = type_id;
            items.push_back(std::move(item));
          }
        }
        ++type_id;
      }
      return items;
    };
    source_.post_processor = {
        {"type", "TemplateProcessing"},
        {"single", around({"A"})},
        {"pair", around({"A", "B"})},
        {"special_tokens", std::move(tokens)}};
  }

  const GgufFile& file_;
  TokenizerSource source_;
  std::vector<int64_t> types_;
  bool add_bos_ = false;
};

} // namespace

TokenizerSource read_gguf_tokenizer(const GgufFile& file) {
  return GgufTokenizer(file).read();
}

} // namespace octet::text
