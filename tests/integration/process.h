// Runs the built program as a user does, and keeps what it printed.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet {

struct ProcessResult {
  /// Exit status, or 128 + the signal that ended it.
  int status = -1;
  std::string out, err;
};

/// <build>/bin/trainer
std::filesystem::path trainer_program();

/// @param arguments without the program's name
/// @param folder the process's current folder
/// @param environment NAME=VALUE, added to this process's
ProcessResult run_trainer(
    const std::vector<std::string>& arguments,
    const std::filesystem::path& folder = ".",
    const std::vector<std::string>& environment = {});

/// A command line of sh, with $TRAINER in its environment.
ProcessResult run_shell(const std::string& command);

/// A new folder that goes away with the object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }
  void write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

} // namespace octet
