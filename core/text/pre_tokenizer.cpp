// The pre-tokenizers; see pre_tokenizer.h.
#include "core/text/pre_tokenizer.h"

#include "core/text/byte_alphabet.h"
#include "core/text/metaspace.h"
#include "core/text/pattern.h"
#include "core/text/unicode.h"

#include <functional>
#include <utility>

namespace octet::text {

namespace {

/// GPT-2's split pattern, which ByteLevel applies unless told not to.
constexpr const char* kByteLevelPattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
    "\\s+(?!\\S)|\\s+";

/// Replaces every span by the stretches that `find` gives for it.
template <typename Find>
void split_spans(Pieces& pieces, SplitBehavior behavior, const Find& find) {
  std::vector<Span> out;
  out.reserve(pieces.spans.size() + pieces.text.size() / 4);
  std::vector<Stretch> stretches;
  for (const Span& span : pieces.spans) {
    find(pieces.view(span), stretches);
    apply_behavior(behavior, stretches);
    for (const Stretch& stretch : stretches) {
      if (stretch.begin != stretch.end) {
        out.push_back(
            {span.begin + stretch.begin,
             span.begin + stretch.end,
             span.starts_input && stretch.begin == 0});
      }
    }
  }
  pieces.spans = std::move(out);
}

/// Rewrites the text of every span with `map(view, starts_input, out)`.
template <typename Map>
void map_spans(Pieces& pieces, const Map& map) {
  std::string text;
  text.reserve(pieces.text.size() * 2);
  for (Span& span : pieces.spans) {
    const size_t begin = text.size();
    map(pieces.view(span), span.starts_input, text);
    span.begin = begin;
    span.end = text.size();
  }
  pieces.text = std::move(text);
}

class RegexSplit : public PreTokenizer {
 public:
  RegexSplit(Regex regex, SplitBehavior behavior, bool invert)
      : regex_(std::move(regex)), behavior_(behavior), invert_(invert) {}

  void apply(Pieces& pieces) const override {
    std::vector<Match> matches;
    split_spans(
        pieces,
        behavior_,
        [&](std::string_view text, std::vector<Stretch>& out) {
          regex_.find_all(text, matches);
          cover(text, matches, invert_, out);
        });
  }

 private:
  Regex regex_;
  SplitBehavior behavior_;
  bool invert_;
};

/// Splits at each code point that a class contains.
class ClassSplit : public PreTokenizer {
 public:
  using Contains = std::function<bool(char32_t)>;
  ClassSplit(Contains contains, SplitBehavior behavior)
      : contains_(std::move(contains)), behavior_(behavior) {}

  void apply(Pieces& pieces) const override {
    std::vector<Match> matches;
    split_spans(
        pieces,
        behavior_,
        [&](std::string_view text, std::vector<Stretch>& out) {
          matches.clear();
          for (size_t i = 0; i < text.size();) {
            const size_t begin = i;
            if (contains_(next_code_point(text, i))) {
              matches.push_back({begin, i});
            }
          }
          cover(text, matches, false, out);
        });
  }

 private:
  Contains contains_;
  SplitBehavior behavior_;
};

/// Runs of word characters and runs of what is neither word nor white space.
class WordSplit : public PreTokenizer {
 public:
  void apply(Pieces& pieces) const override {
    enum Kind { space, word, other };
    split_spans(
        pieces,
        SplitBehavior::isolated,
        [](std::string_view text, std::vector<Stretch>& out) {
          out.clear();
          Kind previous = space;
          for (size_t i = 0; i < text.size();) {
            const size_t begin = i;
            const char32_t c = next_code_point(text, i);
            const Kind kind = is_word(c) ? word
                : is_white_space(c)      ? space
                                         : other;
            if (kind != space && kind == previous) {
              out.back().end = i;
            } else if (kind != space) {
              out.push_back({begin, i, true});
            }
            previous = kind;
          }
        });
  }
};

class ByteLevel : public PreTokenizer {
 public:
  ByteLevel(bool add_prefix_space, bool use_regex)
      : add_prefix_space_(add_prefix_space) {
    if (use_regex) {
      split_ = std::make_unique<RegexSplit>(
          Regex(kByteLevelPattern), SplitBehavior::isolated, false);
    }
  }

  void apply(Pieces& pieces) const override {
    if (add_prefix_space_) {
      map_spans(pieces, [](std::string_view text, bool, std::string& out) {
        if (text.substr(0, 1) != " ") {
          out += ' ';
        }
        out += text;
      });
    }
    if (split_) {
      split_->apply(pieces);
    }
    map_spans(pieces, [](std::string_view text, bool, std::string& out) {
      append_byte_alphabet(text, out);
    });
  }

 private:
  bool add_prefix_space_;
  std::unique_ptr<RegexSplit> split_;
};

class Metaspace : public PreTokenizer {
 public:
  explicit Metaspace(MetaspaceOptions options)
      : options_(std::move(options)),
        split_(
            Regex::literal(options_.replacement),
            SplitBehavior::merged_with_next,
            false) {}

  void apply(Pieces& pieces) const override {
    const std::string& mark = options_.replacement;
    map_spans(
        pieces,
        [&](std::string_view text, bool starts_input, std::string& out) {
          const bool has_mark =
              text.substr(0, 1) == " " || text.substr(0, mark.size()) == mark;
          const bool wanted = options_.prepend == PrependScheme::always ||
              (options_.prepend == PrependScheme::first && starts_input);
          if (wanted && !has_mark) {
            out += mark;
          }
          for (const char c : text) {
            if (c == ' ') {
              out += mark;
            } else {
              out += c;
            }
          }
        });
    if (options_.split) {
      split_.apply(pieces);
    }
  }

 private:
  MetaspaceOptions options_;
  RegexSplit split_;
};

class PreTokenizerSequence : public PreTokenizer {
 public:
  explicit PreTokenizerSequence(
      std::vector<std::unique_ptr<const PreTokenizer>> parts)
      : parts_(std::move(parts)) {}
  void apply(Pieces& pieces) const override {
    for (const auto& part : parts_) {
      part->apply(pieces);
    }
  }

 private:
  std::vector<std::unique_ptr<const PreTokenizer>> parts_;
};

} // namespace

std::unique_ptr<const PreTokenizer> read_pre_tokenizer(const JsonPart& part) {
  if (part.value().is_null()) {
    return nullptr;
  }
  const std::string type = part.text("type");
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevel>(
        part.flag_or("add_prefix_space", true),
        part.flag_or("use_regex", true));
  }
  if (type == "Split") {
    return std::make_unique<RegexSplit>(
        read_pattern(part),
        read_behavior(part, "behavior"),
        part.flag_or("invert", false));
  }
  if (type == "Digits") {
    return std::make_unique<ClassSplit>(
        is_numeric,
        part.flag_or("individual_digits", false) ? SplitBehavior::isolated
                                                 : SplitBehavior::contiguous);
  }
  if (type == "Punctuation") {
    return std::make_unique<ClassSplit>(
        is_punctuation, read_behavior(part, "behavior"));
  }
  if (type == "Whitespace") {
    return std::make_unique<WordSplit>();
  }
  if (type == "WhitespaceSplit") {
    return std::make_unique<ClassSplit>(is_white_space, SplitBehavior::removed);
  }
  if (type == "CharDelimiterSplit") {
    const char32_t delimiter = part.character("delimiter");
    return std::make_unique<ClassSplit>(
        [delimiter](char32_t c) { return c == delimiter; },
        SplitBehavior::removed);
  }
  if (type == "Metaspace") {
    return std::make_unique<Metaspace>(read_metaspace(part));
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<const PreTokenizer>> parts;
    for (const JsonPart& item : part.items("pretokenizers")) {
      parts.push_back(read_pre_tokenizer(item));
    }
    return std::make_unique<PreTokenizerSequence>(std::move(parts));
  }
  part.fail_type(
      {"ByteLevel",
       "Split",
       "Digits",
       "Punctuation",
       "Whitespace",
       "WhitespaceSplit",
       "CharDelimiterSplit",
       "Metaspace",
       "Sequence"});
}

} // namespace octet::text
