#include "core/text/template_table.h"

namespace octet {
namespace {

TemplateSlots chatml(std::string name) {
  TemplateSlots slots;
  slots.name = std::move(name);
  slots.system = "<|im_start|>system\n{system}<|im_end|>\n";
  slots.user = "<|im_start|>user\n{user}<|im_end|>\n";
  slots.answer_header = "<|im_start|>assistant\n";
  slots.assistant = "{assistant}<|im_end|>\n";
  slots.tool = "<|im_start|>tool\n{tool}<|im_end|>\n";
  slots.stop = {"<|im_end|>"};
  return slots;
}

TemplateSlots smollm2() {
  TemplateSlots slots = chatml("smollm2");
  slots.default_system =
      "You are a helpful AI assistant named SmolLM, trained by Hugging Face";
  return slots;
}

} // namespace

const std::vector<TemplateSlots>& template_table() {
  static const std::vector<TemplateSlots> table{chatml("chatml"), smollm2()};
  return table;
}

const std::vector<KnownJinja>& known_jinja() {
  static const std::vector<KnownJinja> known{};
  return known;
}

} // namespace octet
