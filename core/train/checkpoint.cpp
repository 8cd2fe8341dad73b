// Writing, checking, finding and reading checkpoints.
#include "core/train/checkpoint.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"
#include "core/io/atomic_file.h"
#include "core/train/state_file.h"

#include <fstream>
#include <vector>

namespace octet {

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

constexpr char kManifest[] = "manifest.json";
constexpr char kState[] = "trainer_state.json";
constexpr char kOptimizer[] = "optimizer.safetensors";
constexpr char kPlugins[] = "plugin_state.safetensors";
constexpr char kMasterPrefix[] = "master/";

/// @returns "" when the file cannot be read
std::string digest_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return "";
  }
  Sha256 digest;
  std::vector<char> buffer(1 << 20);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    digest.update({buffer.data(), static_cast<size_t>(file.gcount())});
  }
  return digest.hex();
}

json read_json(const fs::path& path) {
  std::ifstream file(path);
  return json::parse(file, nullptr, false);
}

json manifest_of(const fs::path& folder, int64_t step) {
  json files = json::object();
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    files[name] = {
        {"bytes", fs::file_size(entry.path())},
        {"sha256", digest_of(entry.path())}};
  }
  return {{"format", 1}, {"step", step}, {"files", files}};
}

} // namespace

void write_checkpoint(const fs::path& path, const CheckpointContent& content) {
  AtomicFolder folder(path);
  const fs::path& to = folder.temporary();
  content.write_model(to);
  State tensors = content.optimizer;
  for (const auto& [name, master] : content.parameters) {
    tensors.emplace_back(kMasterPrefix + name, master);
  }
  write_state_file(to / kOptimizer, tensors);
  write_state_file(to / kPlugins, content.plugins);
  write_file_atomically(to / kState, to_json(content.state).dump(1) + "\n");
  write_file_atomically(
      to / kManifest, manifest_of(to, content.state.step).dump(1) + "\n");
  folder.commit();
}

std::string find_damage(const fs::path& checkpoint) {
  const json manifest = read_json(checkpoint / kManifest);
  if (!manifest.is_object() || !manifest.contains("files") ||
      !manifest["files"].is_object()) {
    return "manifest.json is missing or unreadable";
  }
  for (const char* needed : {kState, kOptimizer, kPlugins}) {
    if (!manifest["files"].contains(needed)) {
      return std::string("manifest.json does not list ") + needed;
    }
  }
  for (const auto& [name, facts] : manifest["files"].items()) {
    const fs::path file = checkpoint / name;
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    if (error) {
      return name + " is missing";
    }
    if (!facts.is_object() || facts.value("bytes", uintmax_t{0}) != bytes) {
      return name + " has " + std::to_string(bytes) +
          " bytes, not those of "
          "manifest.json";
    }
    if (facts.value("sha256", "") != digest_of(file)) {
      return name + " has another SHA-256 than manifest.json says";
    }
  }
  return "";
}

CheckpointFolder newest_whole_checkpoint(
    const fs::path& run,
    std::vector<std::string>& skipped) {
  const std::vector<CheckpointFolder> found = list_checkpoints(run);
  for (const CheckpointFolder& candidate : found) {
    const std::string damage = find_damage(candidate.path);
    if (damage.empty()) {
      return candidate;
    }
    skipped.push_back(
        candidate.path.string() + " is damaged and was skipped: " + damage);
  }
  std::string text = "expected a whole checkpoint in " + run.string() + ", ";
  text += found.empty() ? "found none" : "all of them are damaged";
  for (const std::string& reason : skipped) {
    text += "\n  - " + reason;
  }
  throw Failure(
      ExitCode::input,
      "checkpoint",
      text + "; to start over, choose another run.output or remove the folder");
}

CheckpointContent read_checkpoint(const fs::path& checkpoint) {
  CheckpointContent content;
  const fs::path state_file = checkpoint / kState;
  content.state =
      parse_trainer_state(read_json(state_file), state_file.string());
  for (auto& [name, tensor] : read_state_file(checkpoint / kOptimizer)) {
    if (name.starts_with(kMasterPrefix)) {
      content.parameters.emplace_back(
          name.substr(sizeof(kMasterPrefix) - 1), tensor);
    } else {
      content.optimizer.emplace_back(name, tensor);
    }
  }
  content.plugins = read_state_file(checkpoint / kPlugins);
  return content;
}

void remove_old_checkpoints(
    const fs::path& run,
    int64_t keep,
    int64_t current_step) {
  if (keep <= 0) {
    return;
  }
  int64_t kept = 0;
  for (const CheckpointFolder& candidate : list_checkpoints(run)) {
    if (candidate.step == current_step || kept < keep) {
      ++kept;
      continue;
    }
    // Renamed first: a folder that is half removed must not look like a
    // damaged checkpoint.
    const fs::path away =
        run / ("." + candidate.path.filename().string() + ".partial-old");
    std::error_code ignored;
    fs::rename(candidate.path, away, ignored);
    fs::remove_all(away, ignored);
  }
}

} // namespace octet
