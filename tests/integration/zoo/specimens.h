// The rows of the zoo: a plugin that is broken in one way, what `trainer
// plugins doctor` says of it, and how a run ends that names it. In the texts,
// DIR stands for the folder of the plugin's file and ABOVE for the one above.
#pragma once

#include <filesystem>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

namespace octet::zoo {

struct Specimen {
  /// A file of the zoo, without its ending.
  std::string file;
  /// The plugin's name.
  std::string name;
  /// Doctor: the first gate that is not ok ("" when all are), its status, and
  /// its reason (what it begins with, when it ends in "...").
  std::string gate = {}, status = "failed", reason = {};
  /// The run: its exit status and what its errors contain.
  int exit = 3;
  std::string error = {};
  /// Changes the copy that is looked at.
  std::function<void(const std::filesystem::path&)> change = nullptr;
  /// The plugin's table of run.toml.
  std::string options = {};
  /// Another file of the zoo whose feature is on as well.
  std::string beside = {}, beside_name = {};
  /// A copy of the file that comes after it, and that its name shadows.
  std::string twin = {};
  bool precision = false;
  std::string timeout = "60";
};

/// Stopped by inspect: nothing of these files ever runs.
std::vector<Specimen> inspected();
/// Stopped by load, probe or create.
std::vector<Specimen> loaded();
/// All gates are passed; what is wrong shows in a run.
std::vector<Specimen> running();
/// Two files of one name.
std::vector<Specimen> duplicate();

// What a failed test shows of its row.
inline void PrintTo(const Specimen& specimen, std::ostream* out) {
  *out << specimen.file << " " << specimen.options;
}

} // namespace octet::zoo
