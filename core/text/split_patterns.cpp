// The table of named splits; see split_patterns.h.
#include "core/text/split_patterns.h"

#include <map>

namespace octet::text {

namespace {

using nlohmann::json;

constexpr const char* kGpt2 =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|)"
    R"(\s+(?!\S)|\s+)";
constexpr const char* kLlama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen35 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|)"
    R"( ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kDeepseek3 =
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|)"
    R"([^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kTekken =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kGpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+)"
    R"([\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
/// Letters of the scripts that have case, as DeepSeek LLM lists them.
constexpr const char* kDeepseekLetters =
    R"(\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝὟ-ώᾀ-ᾴᾶ-ᾼιῂ-ῄῆ-ῌῐ-ΐῖ-Ίῠ-Ῥῲ-ῴῶ-ῼℂℇℊ-ℓℕℙ-ℝℤΩℨK-ℭℯ-ℴℹℼ-ℿⅅ-ⅉⅎↃↄⰀ-ⱻⱾ-ⳤⳫ-ⳮⳲⳳꙀ-ꙭꚀ-ꚛꜢ-ꝯꝱ-ꞇꞋ-ꞎꭰ-ꮿﬀ-ﬆﬓ-ﬗＡ-Ｚａ-ｚ𐐀-𐑏𐒰-𐓓𐓘-𐓻𐲀-𐲲𐳀-𐳲𑢠-𑣟𞤀-𞥃]+)";
constexpr const char* kDeepseekHan = "[一-龥ࠀ-一가-퟿]+";
constexpr const char* kBloom = R"( ?[^(\s|.,!?…。，、।۔،)]+)";

json byte_level(bool use_regex) {
  return {
      {"type", "ByteLevel"},
      {"add_prefix_space", false},
      {"trim_offsets", true},
      {"use_regex", use_regex}};
}

/// Splits at each pattern in turn, then maps bytes.
json splits(const std::vector<const char*>& patterns) {
  json parts = json::array();
  for (const char* pattern : patterns) {
    parts.push_back(
        {{"type", "Split"},
         {"pattern", {{"Regex", pattern}}},
         {"behavior", "Isolated"},
         {"invert", false}});
  }
  parts.push_back(byte_level(false));
  return {{"type", "Sequence"}, {"pretokenizers", std::move(parts)}};
}

json digits_then_gpt2() {
  return {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Digits"}, {"individual_digits", true}}, byte_level(true)}}};
}

json nfc() {
  return {{"type", "NFC"}};
}

std::map<std::string, NamedSplit> make_table() {
  std::map<std::string, NamedSplit> table;
  const auto add = [&](std::initializer_list<const char*> names,
                       const NamedSplit& split) {
    for (const char* name : names) {
      table[name] = split;
    }
  };
  add({"gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "jais",
       "trillion", "granite-docling"},
      {nullptr, byte_level(true)});
  add({"mpt", "olmo"}, {nfc(), byte_level(true)});
  add({"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b"},
      {nullptr, digits_then_gpt2()});
  add({"command-r"}, {nfc(), digits_then_gpt2()});
  add({"llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral",
       "midm-2.0", "lfm2"},
      {nullptr, splits({kLlama3}), true, true});
  add({"dbrx", "smaug-bpe", "chatglm-bpe"}, {nullptr, splits({kLlama3})});
  add({"glm4"}, {nullptr, splits({kLlama3}), true});
  add({"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"},
      {nfc(), splits({kQwen2})});
  add({"hunyuan", "solar-open", "grok-2"}, {nullptr, splits({kQwen2})});
  add({"qwen35"}, {nfc(), splits({kQwen35})});
  add({"tekken"}, {nullptr, splits({kTekken}), true, true});
  add({"gpt-4o", "llama4"}, {nullptr, splits({kGpt4o})});
  add({"deepseek-llm"},
      {nullptr,
       splits(
           {"[\\r\\n]",
            kDeepseekLetters,
            R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
            R"(\s+$)",
            kDeepseekHan,
            R"(\p{N}+)"})});
  add({"deepseek-coder"},
      {nullptr,
       splits(
           {"[\\r\\n]",
            R"(\s?\p{L}+)",
            R"(\s?\p{P}+)",
            kDeepseekHan,
            R"(\p{N})"})});
  add({"deepseek-v3", "hunyuan-dense", "joyai-llm"},
      {nullptr, splits({R"(\p{N}{1,3})", "[一-龥぀-ゟ゠-ヿ]+", kDeepseek3})});
  add({"falcon"},
      {nullptr,
       splits({R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, "[0-9][0-9][0-9]"})});
  add({"default"},
      {nullptr,
       splits(
           {R"([\p{P}\$\+<=>\^~\|]+)",
            kGpt2,
            R"(\p{N}+)",
            "[0-9][0-9][0-9]"})});
  add({"poro-chat", "bloom", "gpt3-finnish"}, {nullptr, splits({kBloom})});
  add({"viking"}, {nullptr, splits({kBloom, R"(\p{N})"})});
  return table;
}

const std::map<std::string, NamedSplit>& table() {
  static const auto made = make_table();
  return made;
}

} // namespace

NamedSplit split_of(const std::string& pre, bool& found) {
  const auto entry = table().find(pre);
  found = entry != table().end();
  return found ? entry->second : NamedSplit{};
}

std::vector<std::string> split_names() {
  std::vector<std::string> names;
  for (const auto& [name, split] : table()) {
    names.push_back(name);
  }
  return names;
}

} // namespace octet::text
