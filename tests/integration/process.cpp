// posix_spawn through `env -C`, output into files: no pipe can fill up and
// block the program.
#include "tests/integration/process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

extern char** environ;

namespace octet {
namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

ProcessResult run(std::vector<std::string> command) {
  const TemporaryFolder folder;
  const std::string out = folder.path() / "out", err = folder.path() / "err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(
      &actions, 1, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(
      &actions, 2, err.c_str(), O_WRONLY | O_CREAT, 0600);
  std::vector<char*> pointers;
  for (std::string& argument : command) {
    pointers.push_back(argument.data());
  }
  pointers.push_back(nullptr);
  pid_t child = 0;
  const int error = posix_spawnp(
      &child, pointers[0], &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::runtime_error("cannot start " + command.front());
  }
  int status = 0;
  waitpid(child, &status, 0);
  ProcessResult result;
  result.status =
      WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  result.out = read_file(out);
  result.err = read_file(err);
  return result;
}

} // namespace

std::filesystem::path trainer_program() {
  return OCTET_BINARY_DIR "/bin/trainer";
}

ProcessResult run_trainer(
    const std::vector<std::string>& arguments,
    const std::filesystem::path& folder,
    const std::vector<std::string>& environment) {
  std::vector<std::string> command = {"env", "-C", folder.string()};
  command.insert(command.end(), environment.begin(), environment.end());
  command.push_back(trainer_program().string());
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(command);
}

ProcessResult run_shell(const std::string& command) {
  return run(
      {"env",
       "TRAINER=" + trainer_program().string(),
       "bash",
       "-o",
       "pipefail",
       "-c",
       command});
}

TemporaryFolder::TemporaryFolder() {
  std::string name =
      (std::filesystem::temp_directory_path() / "octet-cli-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    throw std::runtime_error("cannot make a temporary folder");
  }
  path_ = std::filesystem::canonical(name);
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
}

void TemporaryFolder::write(const std::string& name, const std::string& text)
    const {
  std::ofstream(path_ / name, std::ios::binary) << text;
}

} // namespace octet
