// Contradictions and missing files. Each message names the keys with their
// places, what is wrong between them, and which one to change.
#include "core/config/check.h"

#include "core/config/schema.h"
#include "core/config/toml_tree.h"
#include "core/cuda/run_device.h"

#include <cmath>
#include <system_error>

namespace octet {
namespace {

namespace fs = std::filesystem;

class Checker {
 public:
  Checker(const RunConfig& config, const fs::path& folder, Problems& problems)
      : config_(config), folder_(folder), problems_(problems) {}

  void check() {
    check_files();
    check_device();
    check_data();
    check_steps();
    check_evaluation();
    check_pins();
    check_measuring();
    check_watching();
  }

 private:
  bool written(const std::string& key) const {
    return config_.places.count(key) > 0;
  }

  // Written with another value than its default. Writing a default where it
  // is not read does no harm, and lets a run's effective values be read again.
  bool changed(const std::string& key) const {
    Target target;
    RunConfig copy = config_;
    target.run = &copy;
    const KeySpec& spec = *find_key(key);
    return written(key) && slot_text(spec.slot(target)) != default_text(spec);
  }

  // `train.decay (run.toml:7)`
  std::string named(const std::string& key) const {
    return key + " (" + config_.places.at(key).text() + ")";
  }

  enum class Wanted { file, folder, either };

  void check_path(
      const std::string& key,
      const fs::path& path,
      const SourcePlace& place,
      Wanted wanted) {
    if (path.empty()) {
      return;
    }
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    const std::string start =
        key + " = " + to_toml(path.string()) + " (" + place.text() + "): ";
    const std::string full = fs::absolute(path).lexically_normal().string();
    if (!fs::exists(status)) {
      const char* kind = wanted == Wanted::file ? "file"
          : wanted == Wanted::folder            ? "folder"
                                                : "file or folder";
      const bool denied = status.type() == fs::file_type::none &&
          error == std::errc::permission_denied;
      problems_.add(
          start +
          (denied ? "no permission to look at " + full
                  : std::string("no such ") + kind + ": " + full +
                   beside_config(path)));
    } else if (wanted == Wanted::file && fs::is_directory(status)) {
      problems_.add(start + "expected a file, found a folder: " + full);
    } else if (wanted == Wanted::folder && !fs::is_directory(status)) {
      problems_.add(start + "expected a folder, found a file: " + full);
    }
  }

  std::string beside_config(const fs::path& path) const {
    std::error_code error;
    const fs::path beside = folder_ / path;
    if (path.is_relative() && !folder_.empty() && fs::exists(beside, error)) {
      return "; paths count from the folder trainer is started in, so write " +
          to_toml(beside.lexically_normal().string());
    }
    return "";
  }

  void check_files() {
    if (written("model.path")) {
      check_path(
          "model.path",
          config_.model.path,
          config_.places.at("model.path"),
          Wanted::either);
    }
    check_sets("data.train", config_.data.train);
    check_sets("data.eval", config_.data.eval);
    if (written("plugins.path")) {
      for (const fs::path& path : config_.plugins.path) {
        check_path(
            "plugins.path",
            path,
            config_.places.at("plugins.path"),
            Wanted::folder);
      }
    }
    std::error_code error;
    if (fs::exists(config_.run.output, error) &&
        !fs::is_directory(config_.run.output, error)) {
      problems_.add(
          "run.output = " + to_toml(config_.run.output.string()) +
          ": expected a folder, found a file: " +
          fs::absolute(config_.run.output).lexically_normal().string());
    }
  }

  void check_sets(
      const std::string& key,
      const std::vector<DataSetConfig>& sets) {
    for (size_t i = 0; i < sets.size(); ++i) {
      check_path(
          key + "[" + std::to_string(i) + "].path",
          sets[i].path,
          sets[i].place,
          Wanted::file);
    }
  }

  void check_device() {
    const std::string problem = device_name_problem(config_.run.device);
    if (!problem.empty()) {
      problems_.add(
          named("run.device") + ": " + problem + ", found " +
          to_toml(config_.run.device));
    }
    if (written("run.cuda_libraries")) {
      check_path(
          "run.cuda_libraries",
          config_.run.cuda_libraries,
          config_.places.at("run.cuda_libraries"),
          Wanted::folder);
      if (config_.run.device == "cpu") {
        problems_.add(
            named("run.cuda_libraries") +
            " has no use with run.device = \"cpu\"; remove one of them");
      }
    }
  }

  void check_data() {
    const DataSection& data = config_.data;
    if (data.chat_template == "custom" && !data.custom_template) {
      problems_.add(
          named("data.template") +
          " is \"custom\" but there is no [data.custom_template]; add it, or "
          "name a template");
    }
    if (data.custom_template && data.chat_template != "custom") {
      problems_.add(
          "[data.custom_template] is there but data.template is " +
          to_toml(data.chat_template) +
          "; set data.template = \"custom\", or remove the table");
    }
    if (data.train_on_prompt && data.mask_history) {
      problems_.add(
          named("data.train_on_prompt") + " and " + named("data.mask_history") +
          " contradict each other: one adds tokens to the loss that the other "
          "takes out; set one of them to false");
    }
    for (const char* key : {"data.train_on_prompt", "data.mask_history"}) {
      const bool on = key == std::string("data.train_on_prompt")
          ? data.train_on_prompt
          : data.mask_history;
      if (config_.train.stage == "pt" && on) {
        problems_.add(
            named(key) +
            " has no meaning in train.stage = \"pt\", which trains on all of "
            "the text; remove it");
      }
    }
  }

  void check_steps() {
    const TrainSection& train = config_.train;
    if (train.tokens_per_step > 0 && changed("train.gradient_accumulation")) {
      problems_.add(
          named("train.tokens_per_step") + " and " +
          named("train.gradient_accumulation") +
          " both decide the size of a step; remove one of them");
    }
    if (train.warmup >= 1 && train.warmup != std::floor(train.warmup)) {
      problems_.add(
          named("train.warmup") + " is " + to_toml(train.warmup) +
          ": from 1 on it counts steps and must be a whole number; below 1 it "
          "is a part of all steps");
    }
    if (train.max_steps > 0 && train.warmup >= 1 &&
        train.warmup > static_cast<double>(train.max_steps)) {
      problems_.add(
          named("train.warmup") + " is " + to_toml(train.warmup) +
          " steps, more than the " + std::to_string(train.max_steps) + " of " +
          named("train.max_steps") + "; lower it");
    }
    const bool stable = train.schedule == "warmup-stable-decay";
    if (stable && train.warmup < 1 && train.warmup + train.decay > 1) {
      problems_.add(
          "train.warmup = " + to_toml(train.warmup) +
          " and train.decay = " + to_toml(train.decay) +
          " are more than all steps together; lower one of them");
    }
    if (!stable && changed("train.decay")) {
      problems_.add(
          named("train.decay") +
          " is read by train.schedule = \"warmup-stable-decay\" only, found " +
          to_toml(train.schedule) + "; remove it or change the schedule");
    }
    if (train.schedule == "constant" && train.min_learning_rate_ratio > 0) {
      problems_.add(
          named("train.min_learning_rate_ratio") +
          " has no meaning with train.schedule = \"constant\"; remove it or "
          "change the schedule");
    }
  }

  void check_evaluation() {
    const bool sets = !config_.data.eval.empty();
    if (sets && config_.data.eval_fraction > 0) {
      problems_.add(
          named("data.eval_fraction") + " and " + named("data.eval") +
          " both say what to evaluate on; remove one of them");
    }
    const bool none = !sets && config_.data.eval_fraction <= 0;
    if (none && config_.eval.every > 0) {
      problems_.add(
          named("eval.every") +
          " asks for evaluations but there is nothing to evaluate on; give "
          "data.eval or data.eval_fraction, or remove it");
    }
  }

  void check_pins() {
    constexpr std::string_view kScheme = "sha256:";
    for (const auto& [name, pin] : config_.plugins.pin) {
      const std::string digest =
          pin.rfind(kScheme, 0) == 0 ? pin.substr(kScheme.size()) : "";
      const bool hex = digest.size() == 64 &&
          digest.find_first_not_of("0123456789abcdef") == std::string::npos;
      if (!hex) {
        problems_.add(
            "plugins.pin." + to_toml_key(name) + " (" +
            config_.places.at("plugins.pin").text() +
            "): expected \"sha256:\" and 64 lower-case hex digits, found " +
            to_toml(pin) + "; `trainer plugins inspect " + name +
            "` shows the digest");
      }
    }
  }

  void check_measuring() {
    const PrecisionSection& precision = config_.precision;
    if (precision.measure && precision.backend != "auto") {
      problems_.add(
          named("precision.measure") + " lets measurements choose, but " +
          named("precision.backend") + " already names " + precision.backend +
          ", which never gives way to another; remove one of them");
    }
    for (const char* key : {"precision.measure_margin", "precision.timings"}) {
      if (!precision.measure && changed(key)) {
        problems_.add(
            named(key) +
            " is read with precision.measure = true only; set it, or remove " +
            key);
      }
    }
    if (precision.measure && written("precision.timings")) {
      check_path(
          "precision.timings",
          precision.timings,
          config_.places.at("precision.timings"),
          Wanted::file);
    }
  }

  void check_watching() {
    for (const char* key :
         {"watch.overflow_limit", "watch.underflow_limit", "watch.sites"}) {
      if (config_.watch.every == 0 && changed(key)) {
        problems_.add(
            named(key) +
            " has no effect without watch.every, which says how often to "
            "look; set it, or remove " +
            key);
      }
    }
  }

  const RunConfig& config_;
  const fs::path& folder_;
  Problems& problems_;
};

} // namespace

void check_run_config(
    const RunConfig& config,
    const std::filesystem::path& config_folder,
    Problems& problems) {
  Checker(config, config_folder, problems).check();
}

} // namespace octet
