// Writing and reading of events.jsonl.
#include "core/report/events.h"

#include <chrono>
#include <cmath>
#include <fstream>
#include <map>

namespace octet {
namespace {

using nlohmann::json;

json without_nan(const json& value) {
  if (value.is_object() || value.is_array()) {
    json copy = value;
    for (json& item : copy) {
      item = without_nan(item);
    }
    return copy;
  }
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    const double number = value.get<double>();
    return std::isnan(number) ? "nan" : number > 0 ? "inf" : "-inf";
  }
  return value;
}

double number(const json& event, const char* key) {
  const auto found = event.find(key);
  if (found == event.end()) {
    return 0;
  }
  if (found->is_string()) {
    return std::strtod(found->get_ref<const std::string&>().c_str(), nullptr);
  }
  return found->is_number() ? found->get<double>() : 0;
}

} // namespace

EventLog::EventLog(const std::filesystem::path& path) : file_(path) {
  if (file_.ends_mid_line()) {
    file_.write("\n");
  }
}

void EventLog::write(const std::string& name, const json& fields) {
  using std::chrono::duration;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  nlohmann::ordered_json line;
  line["event"] = name;
  line["time"] = std::round(duration<double>(now).count() * 1000) / 1000;
  for (const auto& [key, value] : fields.items()) {
    line[key] = without_nan(value);
  }
  constexpr auto kReplace = nlohmann::ordered_json::error_handler_t::replace;
  file_.write(line.dump(-1, ' ', false, kReplace) + "\n");
}

History read_history(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::map<int64_t, StepRecord> steps;
  std::map<int64_t, EvalRecord> evals;
  std::string line;
  while (std::getline(file, line)) {
    const json event = json::parse(line, nullptr, false);
    if (!event.is_object() || !event.contains("event")) {
      continue;
    }
    const auto step = static_cast<int64_t>(number(event, "step"));
    if (event["event"] == "start") {
      const auto from = static_cast<int64_t>(number(event, "resumed_step"));
      steps.erase(steps.upper_bound(from), steps.end());
      evals.erase(evals.upper_bound(from), evals.end());
    } else if (event["event"] == "step") {
      steps[step] = {
          step,
          number(event, "loss"),
          number(event, "grad_norm"),
          number(event, "learning_rate"),
          number(event, "tokens_per_second")};
    } else if (event["event"] == "eval") {
      evals[step] = {step, number(event, "loss"), number(event, "perplexity")};
    }
  }
  History history;
  for (const auto& [step, record] : steps) {
    history.steps.push_back(record);
  }
  for (const auto& [step, record] : evals) {
    history.evals.push_back(record);
  }
  return history;
}

} // namespace octet
