// NFC and its kin through utf8proc, and the small text edits; see normalizer.h.
#include "core/text/normalizer.h"

#include "core/text/byte_alphabet.h"
#include "core/text/pattern.h"
#include "core/text/unicode.h"
#include "core/text/unicode_newer.h"

#include <octet/error.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace octet::text {

namespace {

class UnicodeForm : public Normalizer {
 public:
  explicit UnicodeForm(int options) : options_(options) {}

  void apply(NormalText& text) const override {
    const std::string& given = text.text;
    std::string out;
    size_t done = 0;
    for (size_t i = 0; i < given.size();) {
      if (static_cast<unsigned char>(given[i]) < 0x80) {
        ++i;
        continue;
      }
      // An inert code point starts anew for everything around it, so what
      // stands between two of them can be normalized by itself.
      const size_t begin = i;
      if (is_exception(Exception::inert, next_code_point(given, i))) {
        append_mapped(given.substr(done, begin - done), out);
        out.append(given, begin, i - begin);
        done = i;
      }
    }
    append_mapped(given.substr(done), out);
    text.text = std::move(out);
  }

 private:
  void append_mapped(const std::string& part, std::string& out) const {
    const bool ascii = std::all_of(part.begin(), part.end(), [](char c) {
      return static_cast<unsigned char>(c) < 0x80;
    });
    if (ascii) {
      out += part;
      return;
    }
    utf8proc_uint8_t* mapped = nullptr;
    const auto size = utf8proc_map(
        reinterpret_cast<const utf8proc_uint8_t*>(part.data()),
        static_cast<utf8proc_ssize_t>(part.size()),
        &mapped,
        static_cast<utf8proc_option_t>(options_));
    if (size < 0) {
      throw Error(
          "tokenizer",
          std::string("normalization failed: ") + utf8proc_errmsg(size));
    }
    out.append(
        reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
    std::free(mapped); // NOLINT: utf8proc allocates with malloc
  }

  int options_;
};

class Prepend : public Normalizer {
 public:
  explicit Prepend(std::string prefix) : prefix_(std::move(prefix)) {}
  void apply(NormalText& text) const override {
    if (!text.text.empty()) {
      text.text.insert(0, prefix_);
    }
  }

 private:
  std::string prefix_;
};

class Replace : public Normalizer {
 public:
  Replace(Regex pattern, std::string content)
      : pattern_(std::move(pattern)), content_(std::move(content)) {}

  void apply(NormalText& text) const override {
    std::vector<Match> matches;
    pattern_.find_all(text.text, matches);
    if (matches.empty()) {
      return;
    }
    std::string out;
    size_t end = 0;
    for (const Match& match : matches) {
      out.append(text.text, end, match.begin - end);
      out += content_;
      end = match.end;
    }
    out.append(text.text, end);
    text.text = std::move(out);
  }

 private:
  Regex pattern_;
  std::string content_;
};

class Strip : public Normalizer {
 public:
  Strip(bool left, bool right) : left_(left), right_(right) {}
  void apply(NormalText& text) const override {
    std::string& s = text.text;
    while (right_ && !s.empty()) {
      const char32_t c = previous_code_point(s, s.size());
      if (!is_white_space(c)) {
        break;
      }
      s.resize(s.size() - to_utf8(c).size());
    }
    size_t begin = 0;
    while (left_ && begin < s.size()) {
      size_t next = begin;
      if (!is_white_space(next_code_point(s, next))) {
        break;
      }
      begin = next;
    }
    if (begin > 0) {
      s.erase(0, begin);
      text.starts_input = false;
    }
  }

 private:
  bool left_;
  bool right_;
};

/// Changes each code point on its own.
class PerCodePoint : public Normalizer {
 public:
  using Map = void (*)(char32_t, std::string&);
  explicit PerCodePoint(Map map) : map_(map) {}
  void apply(NormalText& text) const override {
    std::string out;
    out.reserve(text.text.size());
    for (size_t i = 0; i < text.text.size();) {
      map_(next_code_point(text.text, i), out);
    }
    text.text = std::move(out);
  }

 private:
  Map map_;
};

void lowercase(char32_t c, std::string& out) {
  if (c == 0x130) {
    out += "i\xCC\x87"; // the one character whose lowercase is two
    return;
  }
  append_utf8(out, to_lowercase(c));
}

void without_marks(char32_t c, std::string& out) {
  if (!is_mark(c)) {
    append_utf8(out, c);
  }
}

class ByteLevelNormalizer : public Normalizer {
 public:
  void apply(NormalText& text) const override {
    text.text = to_byte_alphabet(text.text);
  }
};

class NormalizerSequence : public Normalizer {
 public:
  explicit NormalizerSequence(
      std::vector<std::unique_ptr<const Normalizer>> parts)
      : parts_(std::move(parts)) {}
  void apply(NormalText& text) const override {
    for (const auto& part : parts_) {
      part->apply(text);
    }
  }

 private:
  std::vector<std::unique_ptr<const Normalizer>> parts_;
};

} // namespace

std::unique_ptr<const Normalizer> read_normalizer(const JsonPart& part) {
  if (part.value().is_null()) {
    return nullptr;
  }
  const std::string type = part.text("type");
  constexpr int kDecompose = UTF8PROC_STABLE | UTF8PROC_DECOMPOSE;
  constexpr int kCompose = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
  if (type == "NFC") {
    return std::make_unique<UnicodeForm>(kCompose);
  }
  if (type == "NFD") {
    return std::make_unique<UnicodeForm>(kDecompose);
  }
  if (type == "NFKC") {
    return std::make_unique<UnicodeForm>(kCompose | UTF8PROC_COMPAT);
  }
  if (type == "NFKD") {
    return std::make_unique<UnicodeForm>(kDecompose | UTF8PROC_COMPAT);
  }
  if (type == "Prepend") {
    return std::make_unique<Prepend>(part.text("prepend"));
  }
  if (type == "Replace") {
    return std::make_unique<Replace>(read_pattern(part), part.text("content"));
  }
  if (type == "Strip") {
    return std::make_unique<Strip>(
        part.flag_or("strip_left", true), part.flag_or("strip_right", true));
  }
  if (type == "Lowercase") {
    return std::make_unique<PerCodePoint>(lowercase);
  }
  if (type == "StripAccents") {
    return std::make_unique<PerCodePoint>(without_marks);
  }
  if (type == "ByteLevel") {
    return std::make_unique<ByteLevelNormalizer>();
  }
  if (type == "Sequence") {
    std::vector<std::unique_ptr<const Normalizer>> parts;
    for (const JsonPart& item : part.items("normalizers")) {
      parts.push_back(read_normalizer(item));
    }
    return std::make_unique<NormalizerSequence>(std::move(parts));
  }
  part.fail_type(
      {"NFC",
       "NFD",
       "NFKC",
       "NFKD",
       "Prepend",
       "Replace",
       "Strip",
       "Lowercase",
       "StripAccents",
       "ByteLevel",
       "Sequence"});
}

} // namespace octet::text
