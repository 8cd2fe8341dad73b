// Decoders; see decoder.h.
#include "core/text/decoder.h"

#include "core/text/byte_alphabet.h"
#include "core/text/metaspace.h"
#include "core/text/pattern.h"
#include "core/text/unicode.h"

#include <utility>

namespace octet::text {

namespace {

void replace_all(
    std::string& text,
    const std::string& from,
    const std::string& to) {
  if (from.empty()) {
    return;
  }
  for (size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

class ByteLevelDecoder : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string bytes;
    std::string mapped;
    for (const std::string& token : tokens) {
      mapped.clear();
      bool in_alphabet = true;
      for (size_t i = 0; i < token.size() && in_alphabet;) {
        const auto byte = byte_of(next_code_point(token, i));
        in_alphabet = byte.has_value();
        if (in_alphabet) {
          mapped += static_cast<char>(*byte);
        }
      }
      bytes += in_alphabet ? mapped : token;
    }
    tokens.assign(1, replace_invalid_utf8(bytes));
  }
};

/// <0x41> and its like become bytes; a run of them that is not UTF-8 becomes
/// one U+FFFD a byte.
class ByteFallback : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string run;
    const auto flush = [&] {
      if (run.empty()) {
        return;
      }
      if (find_invalid_utf8(run) == std::string_view::npos) {
        out.push_back(run);
      } else {
        out.insert(out.end(), run.size(), "\xEF\xBF\xBD");
      }
      run.clear();
    };
    for (std::string& token : tokens) {
      const int byte = byte_token(token);
      if (byte >= 0) {
        run += static_cast<char>(byte);
      } else {
        flush();
        out.push_back(std::move(token));
      }
    }
    flush();
    tokens = std::move(out);
  }

 private:
  static int byte_token(const std::string& token) {
    if (token.size() != 6 || token.compare(0, 3, "<0x") != 0 ||
        token[5] != '>') {
      return -1;
    }
    int value = 0;
    for (const char c : {token[3], token[4]}) {
      const int digit = c >= '0' && c <= '9' ? c - '0'
          : c >= 'a' && c <= 'f'             ? c - 'a' + 10
          : c >= 'A' && c <= 'F'             ? c - 'A' + 10
                                             : -1;
      if (digit < 0) {
        return -1;
      }
      value = value * 16 + digit;
    }
    return value;
  }
};

class Fuse : public TokenDecoder {
 public:
  void apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) {
      all += token;
    }
    tokens.assign(1, all);
  }
};

class StripDecoder : public TokenDecoder {
 public:
  StripDecoder(std::string content, int64_t start, int64_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}

  void apply(std::vector<std::string>& tokens) const override {
    const size_t size = content_.size();
    for (std::string& token : tokens) {
      size_t begin = 0;
      for (int64_t i = 0;
           i < start_ && token.compare(begin, size, content_) == 0;
           ++i) {
        begin += size;
      }
      size_t end = token.size();
      for (int64_t i = 0; i < stop_ && end >= begin + size &&
           token.compare(end - size, size, content_) == 0;
           ++i) {
        end -= size;
      }
      token = token.substr(begin, end - begin);
    }
  }

 private:
  std::string content_;
  int64_t start_;
  int64_t stop_;
};

class ReplaceDecoder : public TokenDecoder {
 public:
  ReplaceDecoder(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(std::vector<std::string>& tokens) const override {
    std::vector<Match> matches;
    for (std::string& token : tokens) {
      pattern_.find_all(token, matches);
      std::string out;
      size_t end = 0;
      for (const Match& match : matches) {
        out.append(token, end, match.begin - end);
        out += content_;
        end = match.end;
      }
      out.append(token, end);
      token = std::move(out);
    }
  }

 private:
  Regex pattern_;
  std::string content_;
};

class MetaspaceDecoder : public TokenDecoder {
 public:
  explicit MetaspaceDecoder(MetaspaceOptions options)
      : options_(std::move(options)) {}

  void apply(std::vector<std::string>& tokens) const override {
    const std::string& mark = options_.replacement;
    if (!tokens.empty() && options_.prepend != PrependScheme::never &&
        tokens[0].compare(0, mark.size(), mark) == 0) {
      tokens[0].erase(0, mark.size());
    }
    for (std::string& token : tokens) {
      replace_all(token, mark, " ");
    }
  }

 private:
  MetaspaceOptions options_;
};

/// The end-of-word suffix becomes a space, and nothing on the last token.
class SuffixDecoder : public TokenDecoder {
 public:
  explicit SuffixDecoder(std::string suffix) : suffix_(std::move(suffix)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], suffix_, i + 1 < tokens.size() ? " " : "");
    }
  }

 private:
  std::string suffix_;
};

class DecoderSequence : public TokenDecoder {
 public:
  explicit DecoderSequence(
      std::vector<std::unique_ptr<const TokenDecoder>> parts)
      : parts_(std::move(parts)) {}
  void apply(std::vector<std::string>& tokens) const override {
    for (const auto& part : parts_) {
      part->apply(tokens);
    }
  }

 private:
  std::vector<std::unique_ptr<const TokenDecoder>> parts_;
};

} // namespace

std::unique_ptr<const TokenDecoder> read_decoder(const JsonPart& part) {
  if (part.value().is_null()) {
    return nullptr;
  }
  const std::string type = part.text("type");
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevelDecoder>();
  }
  if (type == "ByteFallback") {
    return std::make_unique<ByteFallback>();
  }
  if (type == "Fuse") {
    return std::make_unique<Fuse>();
  }
  if (type == "Strip") {
    return std::make_unique<StripDecoder>(
        to_utf8(part.character("content")),
        part.integer("start"),
        part.integer("stop"));
  }
  if (type == "Replace") {
    return std::make_unique<ReplaceDecoder>(
        read_pattern(part), part.text("content"));
  }
  if (type == "Metaspace") {
    return std::make_unique<MetaspaceDecoder>(read_metaspace(part));
  }
  if (type == "BPEDecoder") {
    return std::make_unique<SuffixDecoder>(part.text_or("suffix", "</w>"));
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<const TokenDecoder>> parts;
    for (const JsonPart& item : part.items("decoders")) {
      parts.push_back(read_decoder(item));
    }
    return std::make_unique<DecoderSequence>(std::move(parts));
  }
  part.fail_type(
      {"ByteLevel",
       "ByteFallback",
       "Fuse",
       "Strip",
       "Replace",
       "Metaspace",
       "BPEDecoder",
       "Sequence"});
}

} // namespace octet::text
