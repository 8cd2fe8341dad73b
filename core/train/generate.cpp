// trainer generate: answers of a model, an adapter on its base, or a
// checkpoint.
#include "core/base/problems.h"
#include "core/model/kv_cache.h"
#include "core/model/weight_set.h"
#include "core/report/environment.h"
#include "core/text/chat_tokens.h"
#include "core/text/template.h"
#include "core/train/adapter_source.h"
#include "core/train/entries.h"
#include "core/train/result_folder.h"
#include "core/train/run_plugins.h"
#include "core/train/sampler.h"
#include "core/train/utf8_stream.h"

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iostream>
#include <set>
#include <span>

namespace octet {

namespace fs = std::filesystem;

namespace {

struct LoadedModel {
  ModelSpec spec;
  RunPlugins plugins;
  std::unique_ptr<Decoder> decoder;
  std::shared_ptr<const Tokenizer> tokenizer;
};

LoadedModel load_model(const GenerateRequest& request, const Catalog& catalog) {
  LoadedModel model;
  Selection selection = request.selection;
  fs::path weights = request.model, tokenizer = request.model;
  AdapterFiles adapter;
  const bool is_adapter = is_adapter_folder(request.model);
  if (is_adapter) {
    AdapterSource source = open_adapter(request.model, request.base, catalog);
    selection.features.push_back(source.plugin);
    adapter = std::move(source.files);
    weights = source.base;
    if (!fs::exists(request.model / "tokenizer.json")) {
      tokenizer = source.base;
    }
  }
  model.tokenizer = load_tokenizer(tokenizer);
  model.spec = read_model_spec(weights);
  model.plugins = create_plugins(selection);
  if (is_adapter) {
    model.plugins.features.back().feature->import_adapter(adapter);
  }
  const Plan plan = place_plugins(
      selection, model.spec, ask_plugins(model.plugins, model.spec.sites()));
  DecoderOptions options;
  options.compute_dtype = model.plugins.compute_dtype;
  options.train_base = false;
  const auto set = open_weights(weights, model.spec);
  if (!set->summary().empty()) {
    std::cerr << "weights: " << set->summary() << "\n";
  }
  model.decoder = std::make_unique<Decoder>(model.spec, *set, options);
  apply_plugins(model.plugins, plan, *model.decoder);
  return model;
}

/// What is fed, and what ends the answer.
struct Prompt {
  std::vector<int32_t> tokens;
  std::set<int32_t> stop;
};

Prompt encode_prompt(
    const GenerateRequest& request,
    const LoadedModel& model,
    const std::string& text) {
  const Tokenizer& tokenizer = *model.tokenizer;
  Prompt prompt;
  for (const int64_t token : model.spec.eos_tokens) {
    prompt.stop.insert(static_cast<int32_t>(token));
  }
  if (tokenizer.eos()) {
    prompt.stop.insert(*tokenizer.eos());
  }
  if (request.raw) {
    prompt.tokens = tokenizer.encode(text, true);
    return prompt;
  }
  const auto chat_template = request.chat_template == "auto"
      ? automatic_template(tokenizer)
      : named_template(request.chat_template, template_tokens(tokenizer));
  for (const std::string& stop : chat_template->stop()) {
    if (const auto id = tokenizer.token_to_id(stop)) {
      prompt.stop.insert(*id);
    }
  }
  std::vector<ChatMessage> messages;
  if (request.system) {
    messages.push_back({Role::system, *request.system});
  }
  messages.push_back({Role::user, text});
  prompt.tokens =
      tokenize_chat(chat_template->render(messages, true), tokenizer).ids;
  return prompt;
}

struct Answer {
  std::string text;
  std::vector<int32_t> tokens;
  /// Natural logarithm of each token's probability, before temperature.
  std::vector<double> logprobs;
  /// "stop" (the model ended it), "length", "context"
  std::string finish;
  double seconds = 0;
};

/// logits[token] - log(sum(exp(logits))), in fp64.
double log_probability(std::span<const float> logits, int32_t token) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) {
    sum += std::exp(logit - top);
  }
  return logits[static_cast<size_t>(token)] - top - std::log(sum);
}

Answer answer(
    const GenerateRequest& request,
    LoadedModel& model,
    const Prompt& prompt) {
  if (prompt.tokens.empty()) {
    throw Failure(
        ExitCode::usage, "generate", "expected a prompt, got an empty one");
  }
  const auto start = std::chrono::steady_clock::now();
  Sampler sampler(
      {request.temperature, request.top_k, request.top_p, request.seed});
  Utf8Stream stream(*model.tokenizer);
  const auto cache = model.decoder->new_cache();
  StepContext context;
  context.view = ModelView::generation;
  context.seed = request.seed;
  const auto limit = static_cast<size_t>(request.max_new_tokens);
  Answer result;
  std::vector<int32_t> next = prompt.tokens;
  const auto tell = [&](const std::string& piece) {
    result.text += piece;
    if (request.stream && !request.json) {
      std::cout << piece << std::flush;
    }
  };
  result.finish = "length";
  while (result.tokens.size() < limit) {
    const int64_t used = cache->length() + static_cast<int64_t>(next.size());
    if (model.spec.max_positions > 0 && used > model.spec.max_positions) {
      result.finish = "context";
      break;
    }
    const at::Tensor logits = model.decoder->extend(next, *cache, context);
    const std::span<const float> values(
        logits.const_data_ptr<float>(), static_cast<size_t>(logits.numel()));
    const int32_t token = sampler.next(values);
    if (prompt.stop.contains(token)) {
      result.finish = "stop";
      break;
    }
    result.tokens.push_back(token);
    result.logprobs.push_back(log_probability(values, token));
    tell(stream.push(token));
    next = {token};
  }
  tell(stream.finish());
  const auto end = std::chrono::steady_clock::now();
  result.seconds = std::chrono::duration<double>(end - start).count();
  return result;
}

void print_json(
    const std::string& prompt,
    const Prompt& encoded,
    const Answer& answer) {
  const nlohmann::ordered_json line = {
      {"prompt", prompt},
      {"text", answer.text},
      {"finish", answer.finish},
      {"prompt_tokens", encoded.tokens},
      {"tokens", answer.tokens},
      {"logprobs", answer.logprobs},
      {"seconds", answer.seconds}};
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  std::cout << line.dump(-1, ' ', false, kReplace) << "\n" << std::flush;
}

} // namespace

ExitCode generate(const GenerateRequest& request, const Catalog& catalog) {
  const int64_t threads =
      request.threads > 0 ? request.threads : read_environment().cores;
  at::set_num_threads(static_cast<int>(threads));
  LoadedModel model = load_model(request, catalog);
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    const std::string& text = request.prompts[i];
    const Prompt prompt = encode_prompt(request, model, text);
    if (!request.json && request.prompts.size() > 1) {
      std::cout << (i > 0 ? "\n> " : "> ") << text << "\n" << std::flush;
    }
    const Answer result = answer(request, model, prompt);
    if (request.json) {
      print_json(text, prompt, result);
    } else {
      std::cout << (request.stream ? "" : result.text) << "\n" << std::flush;
    }
    if (result.finish == "context") {
      std::cerr << "the answer ends at the model's context of "
                << model.spec.max_positions << " tokens\n";
    }
  }
  return ExitCode::success;
}

} // namespace octet
