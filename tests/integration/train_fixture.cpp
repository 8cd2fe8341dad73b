// Data and configuration of the runs.
#include "tests/integration/train_fixture.h"

#include "core/io/safetensors.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

namespace octet {

namespace fs = std::filesystem;

void TrainRun::SetUp() {
  std::string data, text;
  for (int i = 0; i < 24; ++i) {
    const std::string number = std::to_string(i);
    const std::string more = i % 3 == 0 ? " Then tell me the other one." : "";
    const nlohmann::json record = {
        {"instruction", "What is thing " + number + "?" + more},
        {"input", ""},
        {"output", "Thing " + number + " is the thing with that number."}};
    data += record.dump() + "\n";
    text += "In the beginning there was thing " + number + ".\n\n";
  }
  write("data.jsonl", data);
  write("text.txt", text);
  write(
      "run.toml",
      "[run]\noutput = \"run\"\nthreads = 1\n"
      "[model]\npath = \"" +
          tiny_model().string() +
          "\"\n"
          "[data]\ntrain = [{ path = \"data.jsonl\", format = \"alpaca\" }]\n"
          "template = \"chatml\"\nmax_length = 128\ncache = \"cache\"\n"
          "[train]\nbatch_size = 1\ngradient_accumulation = 3\nepochs = 3\n"
          "learning_rate = 0.01\nactivation_checkpointing = false\n"
          "[precision]\nbackend = \"fp32\"\n"
          "[features.lora]\nrank = 4\ndropout = 0.1\n");
}

fs::path TrainRun::tiny_model() {
  return fs::path(OCTET_SOURCE_DIR) / "tests/fixtures/train/tiny";
}

fs::path TrainRun::odd_model() const {
  const fs::path model = folder() / "odd";
  fs::copy(tiny_model(), model);
  nlohmann::json config =
      nlohmann::json::parse(file_bytes(tiny_model() / "config.json"));
  // Heads of 3 x 8.
  config["hidden_size"] = 24;
  config["num_attention_heads"] = 3;
  config["num_key_value_heads"] = 1;
  config["intermediate_size"] = 40;
  fs::remove(model / "config.json");
  write("odd/config.json", config.dump());
  return model;
}

fs::path TrainRun::mixed_model() const {
  constexpr int64_t kWas = 48, kIs = 40;
  const fs::path model = folder() / "mixed";
  fs::copy(tiny_model(), model);
  fs::permissions(model, fs::perms::owner_all, fs::perm_options::replace);
  nlohmann::json config =
      nlohmann::json::parse(file_bytes(tiny_model() / "config.json"));
  config["intermediate_size"] = kIs;
  fs::remove(model / "config.json");
  write("mixed/config.json", config.dump());
  // The first 40 rows or columns of what has 48 of them.
  const auto source = open_safetensors(tiny_model() / kSafetensorsFile);
  std::vector<TensorInfo> infos;
  for (const auto& [name, info] : source->tensors()) {
    infos.push_back(info);
    std::replace(
        infos.back().shape.begin(), infos.back().shape.end(), kWas, kIs);
  }
  fs::remove(model / kSafetensorsFile);
  SafetensorsWriter writer(model / kSafetensorsFile, infos, {{"format", "pt"}});
  for (const auto& [name, info] : source->tensors()) {
    std::vector<std::byte> bytes(info.bytes);
    source->read(name, bytes);
    if (info.shape.front() == kWas) {
      bytes.resize(bytes.size() / kWas * kIs);
    } else if (info.shape.back() == kWas) {
      const auto rows = static_cast<size_t>(info.shape.front());
      const size_t was = bytes.size() / rows, is = was / kWas * kIs;
      for (size_t row = 0; row < rows; ++row) {
        std::copy_n(bytes.begin() + row * was, is, bytes.begin() + row * is);
      }
      bytes.resize(rows * is);
    }
    writer.write(name, bytes);
  }
  writer.commit();
  return model;
}

fs::path TrainRun::broken_model() const {
  const fs::path model = folder() / "model";
  if (!fs::exists(model)) {
    fs::copy(tiny_model(), model);
  }
  const fs::path file = model / "model.safetensors";
  fs::permissions(file, fs::perms::owner_all);
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const float bad = std::nanf("");
  stream.seekp(-4, std::ios::end);
  stream.write(reinterpret_cast<const char*>(&bad), sizeof(bad));
  return model;
}

ProcessResult TrainRun::train(const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {"--config", "run.toml"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_trainer(all, folder());
}

std::vector<nlohmann::json> TrainRun::events(
    const std::string& kind,
    const fs::path& directory) const {
  std::ifstream file((directory.empty() ? run() : directory) / "events.jsonl");
  std::vector<nlohmann::json> found;
  std::string line;
  while (std::getline(file, line)) {
    const auto event = nlohmann::json::parse(line);
    if (event["event"] == kind) {
      found.push_back(event);
    }
  }
  return found;
}

std::vector<double> TrainRun::losses(const fs::path& directory) const {
  std::map<int64_t, double> by_step;
  for (const auto& event : events("step", directory)) {
    by_step[event["step"]] = event["loss"];
  }
  std::vector<double> all;
  for (const auto& [step, loss] : by_step) {
    all.push_back(loss);
  }
  return all;
}

void expect_attention_only(const std::vector<nlohmann::json>& watched) {
  ASSERT_EQ(watched.size(), 1u);
  std::map<std::string, int> casts;
  for (const auto& cast : watched.front()["casts"]) {
    ++casts[cast["site"].get<std::string>()];
  }
  std::map<std::string, int> expected;
  for (const char* layer : {"model.layers.0.", "model.layers.1."}) {
    for (const char* role : {"q_proj", "k_proj", "v_proj", "o_proj"}) {
      expected[std::string(layer) + "self_attn." + role] = 3;
    }
  }
  EXPECT_EQ(casts, expected);
}

std::string file_bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::vector<std::string> with_settings(
    const std::vector<std::string>& settings) {
  std::vector<std::string> arguments;
  for (const std::string& setting : settings) {
    arguments.insert(arguments.end(), {"--set", setting});
  }
  return arguments;
}

} // namespace octet
