// How texts are split for the values of tokenizer.ggml.pre.
//
// A GGUF file names its split by a word only. The patterns are those of the
// tokenizer.json files that the names stand for, as llama.cpp lists them.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace octet::text {

struct NamedSplit {
  nlohmann::json normalizer; ///< null for none
  nlohmann::json pre_tokenizer;
  bool ignore_merges = false;
  bool add_bos = false; ///< when the file does not say
};

/// @param pre the value of tokenizer.ggml.pre
/// @param found whether the name is known
NamedSplit split_of(const std::string& pre, bool& found);

/// All names, sorted.
std::vector<std::string> split_names();

} // namespace octet::text
