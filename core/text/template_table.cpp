// Facts about model families: how each writes a chat. Goldens: every template
// with digests in known_jinja.inc, see tools/golden/templates.py.
//
// answer_header is what asks for an answer, to the last character, so that
// training and generation split a chat at the same place.
#include "core/text/template_table.h"

#include <algorithm>
#include <utility>

namespace octet {
namespace {

using System = TemplateSlots::System;
using Think = TemplateSlots::Think;

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

TemplateSlots chatml_with_system(std::string name, std::string system) {
  TemplateSlots slots = chatml(std::move(name));
  slots.default_system = std::move(system);
  return slots;
}

TemplateSlots qwen() {
  TemplateSlots slots = chatml_with_system(
      "qwen",
      "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.");
  slots.tool =
      "<|im_start|>user\n<tool_response>\n{tool}\n</tool_response><|im_end|>\n";
  return slots;
}

TemplateSlots qwen3(std::string name, bool without_thinking) {
  TemplateSlots slots = qwen();
  slots.name = std::move(name);
  slots.default_system.reset();
  slots.think = Think::last_turn;
  if (without_thinking) {
    slots.mask_empty_thought = true;
    slots.open_answer = "<|im_start|>assistant\n<think>\n\n</think>\n\n";
  }
  return slots;
}

TemplateSlots llama2() {
  TemplateSlots slots;
  slots.name = "llama2";
  slots.system = "<<SYS>>\n{system}\n<</SYS>>\n\n";
  slots.system_place = System::first_user;
  slots.user = "{bos}[INST] {user} [/INST]";
  slots.assistant = " {assistant} {eos}";
  slots.stop = {"{eos}"};
  slots.trim_user = slots.trim_answer = slots.alternate = true;
  return slots;
}

TemplateSlots llama3() {
  TemplateSlots slots;
  slots.name = "llama3";
  slots.prefix = "{bos}";
  slots.system =
      "<|start_header_id|>system<|end_header_id|>\n\n{system}"
      "<|eot_id|>";
  slots.user = "<|start_header_id|>user<|end_header_id|>\n\n{user}<|eot_id|>";
  slots.answer_header = "<|start_header_id|>assistant<|end_header_id|>\n\n";
  slots.assistant = "{assistant}<|eot_id|>";
  slots.tool = "<|start_header_id|>tool<|end_header_id|>\n\n{tool}<|eot_id|>";
  slots.stop = {"<|eot_id|>"};
  slots.trim_system = slots.trim_user = slots.trim_answer = true;
  slots.trim_tool = true;
  return slots;
}

// Also Llama 3.2 and 3.3. Their text writes today's date where it can; the date
// here is its own fallback, so that a run can be repeated.
TemplateSlots llama31() {
  TemplateSlots slots = llama3();
  slots.name = "llama3.1";
  slots.system =
      "<|start_header_id|>system<|end_header_id|>\n\n"
      "Cutting Knowledge Date: December 2023\n"
      "Today Date: 26 Jul 2024\n\n{system}<|eot_id|>";
  slots.default_system = "";
  slots.tool.clear();
  slots.stop = {"<|eot_id|>", "<|eom_id|>"};
  return slots;
}

// Mistral 7B Instruct v0.2 and Mixtral 8x7B.
TemplateSlots mistral() {
  TemplateSlots slots;
  slots.name = "mistral";
  slots.prefix = "{bos}";
  slots.system_place = System::refused;
  slots.user = "[INST] {user} [/INST]";
  slots.assistant = "{assistant}{eos}";
  slots.stop = {"{eos}"};
  slots.alternate = true;
  return slots;
}

TemplateSlots mistral_v01() {
  TemplateSlots slots = mistral();
  slots.name = "mistral-v0.1";
  slots.assistant = "{assistant}{eos} ";
  return slots;
}

TemplateSlots mistral_nemo() {
  TemplateSlots slots = mistral();
  slots.name = "mistral-nemo";
  slots.system = "{system}\n\n";
  slots.system_place = System::last_message;
  slots.user = "[INST]{user}[/INST]";
  return slots;
}

TemplateSlots gemma() {
  TemplateSlots slots;
  slots.name = "gemma";
  slots.prefix = "{bos}";
  slots.system_place = System::refused;
  slots.user = "<start_of_turn>user\n{user}<end_of_turn>\n";
  slots.answer_header = "<start_of_turn>model\n";
  slots.assistant = "{assistant}<end_of_turn>\n";
  slots.stop = {"<end_of_turn>"};
  slots.trim_user = slots.trim_answer = slots.alternate = true;
  return slots;
}

TemplateSlots phi3() {
  TemplateSlots slots;
  slots.name = "phi3";
  slots.system = "<|system|>\n{system}<|end|>\n";
  slots.skip_empty_system = true;
  slots.user = "<|user|>\n{user}<|end|>\n";
  slots.answer_header = "<|assistant|>\n";
  slots.assistant = "{assistant}<|end|>\n";
  slots.closing = "{eos}";
  slots.stop = {"<|end|>", "{eos}"};
  return slots;
}

// Also TinyLlama chat.
TemplateSlots zephyr() {
  TemplateSlots slots;
  slots.name = "zephyr";
  slots.system = "<|system|>\n{system}{eos}\n";
  slots.user = "<|user|>\n{user}{eos}\n";
  slots.answer_header = "<|assistant|>\n";
  slots.assistant = "{assistant}{eos}\n";
  slots.stop = {"{eos}"};
  return slots;
}

// DeepSeek LLM and V2 chat.
TemplateSlots deepseek() {
  TemplateSlots slots;
  slots.name = "deepseek";
  slots.prefix = "{bos}";
  slots.system = "{system}\n\n";
  slots.user = "User: {user}\n\n";
  slots.answer_header = "Assistant:";
  slots.assistant = " {assistant}{eos}";
  slots.stop = {"{eos}"};
  return slots;
}

TemplateSlots deepseek_r1() {
  TemplateSlots slots;
  slots.name = "deepseek-r1";
  slots.prefix = "{bos}";
  slots.system = "{system}";
  slots.user = "<｜User｜>{user}";
  slots.answer_header = "<｜Assistant｜>";
  slots.assistant = "{assistant}<｜end▁of▁sentence｜>";
  slots.stop = {"<｜end▁of▁sentence｜>"};
  slots.think = Think::drop;
  return slots;
}

TemplateSlots command_r() {
  TemplateSlots slots;
  slots.name = "command-r";
  slots.prefix = "{bos}";
  slots.system =
      "<|START_OF_TURN_TOKEN|><|SYSTEM_TOKEN|>{system}"
      "<|END_OF_TURN_TOKEN|>";
  slots.user =
      "<|START_OF_TURN_TOKEN|><|USER_TOKEN|>{user}"
      "<|END_OF_TURN_TOKEN|>";
  slots.answer_header = "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>";
  slots.assistant = "{assistant}<|END_OF_TURN_TOKEN|>";
  slots.stop = {"<|END_OF_TURN_TOKEN|>"};
  slots.trim_user = slots.trim_answer = slots.alternate = true;
  return slots;
}

TemplateSlots openchat() {
  TemplateSlots slots;
  slots.name = "openchat";
  slots.prefix = "{bos}";
  slots.system = "GPT4 Correct System: {system}<|end_of_turn|>";
  slots.user = "GPT4 Correct User: {user}<|end_of_turn|>";
  slots.answer_header = "GPT4 Correct Assistant:";
  slots.assistant = " {assistant}<|end_of_turn|>";
  slots.stop = {"<|end_of_turn|>"};
  return slots;
}

// Below: conventions for base models, which bring no Jinja text.

TemplateSlots alpaca() {
  TemplateSlots slots;
  slots.name = "alpaca";
  slots.system = "{system}";
  slots.default_system =
      "Below is an instruction that describes a task. Write a response that "
      "appropriately completes the request.\n\n";
  slots.user = "### Instruction:\n{user}\n\n### Response:\n";
  slots.assistant = "{assistant}{eos}\n\n";
  slots.stop = {"{eos}"};
  return slots;
}

TemplateSlots vicuna() {
  TemplateSlots slots;
  slots.name = "vicuna";
  slots.prefix = "{bos}";
  slots.system = "{system} ";
  slots.default_system =
      "A chat between a curious user and an artificial intelligence assistant. "
      "The assistant gives helpful, detailed, and polite answers to the user's "
      "questions.";
  slots.user = "USER: {user} ASSISTANT:";
  slots.assistant = " {assistant}{eos}";
  slots.stop = {"{eos}"};
  return slots;
}

TemplateSlots plain() {
  TemplateSlots slots;
  slots.name = "plain";
  slots.system = "{system}\n\n";
  slots.user = "{user}\n";
  slots.assistant = "{assistant}{eos}\n";
  slots.stop = {"{eos}"};
  return slots;
}

TemplateSlots empty() {
  TemplateSlots slots;
  slots.name = "empty";
  slots.system = "{system}";
  slots.user = "{user}";
  slots.assistant = "{assistant}";
  return slots;
}

std::vector<TemplateSlots> make_table() {
  std::vector<TemplateSlots> table{
      chatml("chatml"),
      chatml_with_system(
          "smollm2",
          "You are a helpful AI assistant named SmolLM, trained by Hugging "
          "Face"),
      chatml_with_system("qwen1.5", "You are a helpful assistant"),
      chatml_with_system("qwen2", "You are a helpful assistant."),
      qwen(),
      qwen3("qwen3", false),
      qwen3("qwen3-nothink", true),
      llama2(),
      llama3(),
      llama31(),
      mistral(),
      mistral_v01(),
      mistral_nemo(),
      gemma(),
      phi3(),
      zephyr(),
      deepseek(),
      deepseek_r1(),
      command_r(),
      openchat(),
      alpaca(),
      vicuna(),
      plain(),
      empty()};
  std::sort(table.begin(), table.end(), [](const auto& a, const auto& b) {
    return a.name < b.name;
  });
  return table;
}

} // namespace

const std::vector<TemplateSlots>& template_table() {
  static const std::vector<TemplateSlots> table = make_table();
  return table;
}

const std::vector<KnownJinja>& known_jinja() {
  static const std::vector<KnownJinja> known{
#include "core/text/known_jinja.inc"
  };
  return known;
}

} // namespace octet
