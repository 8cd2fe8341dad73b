// One block an option: name, type and default, then its sentence.
#include "tools/trainer/option_help.h"

#include "core/base/problems.h"
#include "core/config/toml_tree.h"

namespace octet {
namespace {

std::string range_of(const OptionSpec& option) {
  const auto bound = [&](double value) {
    return option.type == OptionType::integer
        ? to_toml(static_cast<int64_t>(value))
        : to_toml(value);
  };
  std::string text;
  if (option.minimum) {
    text = "at least " + bound(*option.minimum);
  }
  if (option.maximum) {
    text +=
        (text.empty() ? "at most " : " and at most ") + bound(*option.maximum);
  }
  return text;
}

} // namespace

std::string option_text(const std::string& key, const OptionSpec& option) {
  std::string name = "  " + key;
  name.resize(std::max<size_t>(name.size() + 1, 28), ' ');
  std::string text = name + to_string(option.type) + ", default " +
      to_string(option.default_value) + "\n    " + option.help + "\n";
  if (!option.one_of.empty()) {
    text += "    one of " + join_names(option.one_of) + "\n";
  }
  const std::string range = range_of(option);
  return text + (range.empty() ? "" : "    " + range + "\n");
}

std::string options_text(const Manifest& manifest) {
  if (manifest.options.empty()) {
    return "  no options\n";
  }
  std::string text;
  for (const auto& [key, option] : manifest.options) {
    text += option_text(key, option);
  }
  return text;
}

} // namespace octet
