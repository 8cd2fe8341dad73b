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
    R"(\s?[A-Za-z\x{B5}\x{C0}-\x{D6}\x{D8}-\x{F6}\x{F8}-\x{1BA})"
    R"(\x{1BC}-\x{1BF}\x{1C4}-\x{293}\x{295}-\x{2AF}\x{370}-\x{373})"
    R"(\x{376}\x{377}\x{37B}-\x{37D}\x{37F}\x{386}\x{388}-\x{38A}\x{38C})"
    R"(\x{38E}-\x{3A1}\x{3A3}-\x{3F5}\x{3F7}-\x{481}\x{48A}-\x{52F})"
    R"(\x{531}-\x{556}\x{10A0}-\x{10C5}\x{13A0}-\x{13F5}\x{13F8}-\x{13FD})"
    R"(\x{1C90}-\x{1CBA}\x{1CBD}-\x{1CBF}\x{1D00}-\x{1D2B})"
    R"(\x{1D6B}-\x{1D77}\x{1D79}-\x{1D9A}\x{1E00}-\x{1F15})"
    R"(\x{1F18}-\x{1F1D}\x{1F20}-\x{1F45}\x{1F48}-\x{1F4D})"
    R"(\x{1F50}-\x{1F57}\x{1F59}\x{1F5B}\x{1F5D}\x{1F5F}-\x{1F7D})"
    R"(\x{1F80}-\x{1FB4}\x{1FB6}-\x{1FBC}\x{1FBE}\x{1FC2}-\x{1FC4})"
    R"(\x{1FC6}-\x{1FCC}\x{1FD0}-\x{1FD3}\x{1FD6}-\x{1FDB})"
    R"(\x{1FE0}-\x{1FEC}\x{1FF2}-\x{1FF4}\x{1FF6}-\x{1FFC}\x{2102})"
    R"(\x{2107}\x{210A}-\x{2113}\x{2115}\x{2119}-\x{211D}\x{2124}\x{2126})"
    R"(\x{2128}\x{212A}-\x{212D}\x{212F}-\x{2134}\x{2139})"
    R"(\x{213C}-\x{213F}\x{2145}-\x{2149}\x{214E}\x{2183}\x{2184})"
    R"(\x{2C00}-\x{2C7B}\x{2C7E}-\x{2CE4}\x{2CEB}-\x{2CEE}\x{2CF2})"
    R"(\x{2CF3}\x{A640}-\x{A66D}\x{A680}-\x{A69B}\x{A722}-\x{A76F})"
    R"(\x{A771}-\x{A787}\x{A78B}-\x{A78E}\x{AB70}-\x{ABBF})"
    R"(\x{FB00}-\x{FB06}\x{FB13}-\x{FB17}\x{FF21}-\x{FF3A})"
    R"(\x{FF41}-\x{FF5A}\x{10400}-\x{1044F}\x{104B0}-\x{104D3})"
    R"(\x{104D8}-\x{104FB}\x{10C80}-\x{10CB2}\x{10CC0}-\x{10CF2})"
    R"(\x{118A0}-\x{118DF}\x{1E900}-\x{1E943}]+)";
constexpr const char* kDeepseekPunctuation =
    R"(\s?[!-/:-~\x{FF01}-\x{FF0F}\x{FF1A}-\x{FF5E})"
    R"(\x{2018}-\x{201F}\x{3000}-\x{3002}]+)";
constexpr const char* kDeepseekHan =
    R"([\x{4E00}-\x{9FA5}\x{800}-\x{4E00}\x{AC00}-\x{D7FF}]+)";
constexpr const char* kBloom =
    R"( ?[^(\s|.,!?\x{2026}\x{3002}\x{FF0C}\x{3001}\x{964}\x{6D4}\x{60C}))"
    R"(]+)";
constexpr const char* kDeepseek3Han =
    R"([\x{4E00}-\x{9FA5}\x{3040}-\x{309F}\x{30A0}-\x{30FF}]+)";

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
  add({"gpt-2",
       "phi-2",
       "gigachat",
       "a.x-4.0",
       "mellum",
       "exaone4",
       "jais",
       "trillion",
       "granite-docling"},
      {nullptr, byte_level(true)});
  add({"mpt", "olmo"}, {nfc(), byte_level(true)});
  add({"smollm", "starcoder", "refact", "codeshell", "exaone", "minerva-7b"},
      {nullptr, digits_then_gpt2()});
  add({"command-r"}, {nfc(), digits_then_gpt2()});
  add({"llama-bpe",
       "llama3",
       "llama-v3",
       "falcon3",
       "falcon-h1",
       "pixtral",
       "midm-2.0",
       "lfm2"},
      {nullptr, splits({kLlama3}), true, true});
  add({"dbrx", "smaug-bpe", "chatglm-bpe"}, {nullptr, splits({kLlama3})});
  add({"glm4"}, {nullptr, splits({kLlama3}), true});
  add({"qwen2", "deepseek-r1-qwen", "megrez", "stablelm2"},
      {nfc(), splits({kQwen2})});
  add({"hunyuan", "solar-open", "grok-2"}, {nullptr, splits({kQwen2})});
  add({"qwen35"}, {nullptr, splits({kQwen35})});
  add({"tekken"}, {nullptr, splits({kTekken}), true, true});
  add({"gpt-4o", "llama4"}, {nullptr, splits({kGpt4o})});
  add({"deepseek-llm"},
      {nullptr,
       splits(
           {"[\\r\\n]",
            kDeepseekLetters,
            kDeepseekPunctuation,
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
      {nullptr, splits({R"(\p{N}{1,3})", kDeepseek3Han, kDeepseek3})});
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
