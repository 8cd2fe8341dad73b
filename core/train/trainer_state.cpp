// JSON form of the trainer's state, and what may differ at resume.
#include "core/train/trainer_state.h"

#include "core/base/problems.h"

#include <cmath>
#include <set>

namespace octet {
namespace {

using nlohmann::json;

constexpr int64_t kFormat = 1;

/// Keys that decide which token stands in which row, or what is trained on:
/// another value would make the cursor point elsewhere.
bool is_fatal_key(const std::string& key) {
  static const std::set<std::string> kKeys = {
      "run.seed",
      "train.stage",
      "data.packing",
      "data.max_length",
      "data.shuffle"};
  return kKeys.contains(key);
}

std::string quoted(
    const std::map<std::string, std::string>& values,
    const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "unset" : found->second;
}

/// JSON has no NaN; a loss that is one never reaches a checkpoint, but a
/// reader of the file should not have to trust that.
json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

} // namespace

json to_json(const TrainerState& state) {
  json losses = json::array();
  for (const double loss : state.losses) {
    losses.push_back(number(loss));
  }
  return {
      {"format", kFormat},
      {"step", state.step},
      {"total_steps", state.total_steps},
      {"cursor", {{"epoch", state.cursor.epoch}, {"row", state.cursor.row}}},
      {"seed", state.seed},
      {"losses", losses},
      {"tokens", state.tokens},
      {"seconds", state.seconds},
      {"config", state.config},
      {"threads", state.threads},
      {"cpu_capability", state.cpu_capability},
      {"libtorch", state.libtorch},
      {"octet", state.octet},
      {"data_digest", state.data_digest},
      {"plugins", state.plugins},
      {"model_files", state.model_files}};
}

TrainerState parse_trainer_state(const json& value, const std::string& origin) {
  try {
    const auto format = value.at("format").get<int64_t>();
    if (format != kFormat) {
      throw Failure(
          ExitCode::input,
          "checkpoint",
          origin + ": expected format " + std::to_string(kFormat) + ", got " +
              std::to_string(format) +
              "; resume with the version of Octet that wrote it");
    }
    TrainerState state;
    value.at("step").get_to(state.step);
    value.at("total_steps").get_to(state.total_steps);
    value.at("cursor").at("epoch").get_to(state.cursor.epoch);
    value.at("cursor").at("row").get_to(state.cursor.row);
    value.at("seed").get_to(state.seed);
    for (const json& loss : value.at("losses")) {
      state.losses.push_back(
          loss.is_null() ? std::nan("") : loss.get<double>());
    }
    value.at("tokens").get_to(state.tokens);
    value.at("seconds").get_to(state.seconds);
    value.at("config").get_to(state.config);
    value.at("threads").get_to(state.threads);
    value.at("cpu_capability").get_to(state.cpu_capability);
    value.at("libtorch").get_to(state.libtorch);
    value.at("octet").get_to(state.octet);
    value.at("data_digest").get_to(state.data_digest);
    value.at("plugins").get_to(state.plugins);
    value.at("model_files").get_to(state.model_files);
    return state;
  } catch (const json::exception& error) {
    throw Failure(
        ExitCode::input,
        "checkpoint",
        origin + " is not a trainer state: " + error.what() +
            "; remove this checkpoint to go on from the one before");
  }
}

ResumeDifferences compare_for_resume(
    const TrainerState& saved,
    const TrainerState& now) {
  ResumeDifferences differences;
  if (saved.data_digest != now.data_digest) {
    differences.fatal.push_back(
        "the training data (files, template, tokenizer or options) changed "
        "since the checkpoint: digest " +
        now.data_digest.substr(0, 12) + ", was " +
        saved.data_digest.substr(0, 12) +
        "; put the old data back, or start a new run");
  }
  if (saved.model_files != now.model_files) {
    differences.fatal.push_back(
        "model.path holds other weight files than those the run started with; "
        "put the base model back, or start a new run");
  }
  std::set<std::string> keys;
  for (const auto& [key, value] : saved.config) {
    keys.insert(key);
  }
  for (const auto& [key, value] : now.config) {
    keys.insert(key);
  }
  for (const std::string& key : keys) {
    const std::string was = quoted(saved.config, key);
    const std::string is = quoted(now.config, key);
    if (was == is) {
      continue;
    }
    if (is_fatal_key(key)) {
      differences.fatal.push_back(
          key + " = " + is + ", was " + was +
          ": the order of the data depends on it; set it back, or start a new "
          "run");
    } else {
      differences.notes.push_back(key + " = " + is + ", was " + was);
    }
  }
  const auto note = [&](const std::string& what,
                        const std::string& was,
                        const std::string& is) {
    if (was != is) {
      differences.notes.push_back(
          what + " " + is + ", was " + was +
          ": the run goes on, but its bits will differ from an uninterrupted "
          "run");
    }
  };
  note("threads", std::to_string(saved.threads), std::to_string(now.threads));
  note("CPU capability", saved.cpu_capability, now.cpu_capability);
  note("LibTorch", saved.libtorch, now.libtorch);
  note("Octet", saved.octet, now.octet);
  for (const auto& [name, version] : now.plugins) {
    note("plugin " + name, quoted(saved.plugins, name), version);
  }
  return differences;
}

} // namespace octet
