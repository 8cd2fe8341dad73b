// trainer plugins new NAME --kind precision|feature: a folder that builds
// outside of Octet's tree, from the template that is installed with this
// program. The folder appears whole or not at all.
#include "core/base/problems.h"
#include "core/plugin/words.h"
#include "tools/trainer/plugin_actions.h"
#include "tools/trainer/plugin_catalog.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

namespace octet {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> kKinds = {"precision", "feature"};

CommandLine describe_command() {
  CommandLine line(
      "trainer plugins new",
      "NAME --kind precision|feature [--directory DIR]",
      "Makes a folder NAME with a plugin that builds, passes "
      "octet_conformance and\ntrains as it is: manifest, code, CMakeLists.txt, "
      "README.",
      {{"trainer plugins new my_fp8 --kind precision",
        "a backend for the matrix products, in ./my_fp8"},
       {"trainer plugins new my_adapter --kind feature --directory src",
        "a change of the model, in src/my_adapter"}});
  line.options().add_options()(
      "kind",
      po::value<std::string>()->value_name("KIND"),
      "precision: computes matrix products; feature: changes the model");
  line.options().add_options()(
      "directory",
      po::value<std::string>()->default_value(".")->value_name("DIR"),
      "the folder that gets the new one");
  add_plugin_path_option(line.options());
  line.positional("name", 1);
  return line;
}

/// The folder that this program is installed in (or the build tree).
fs::path prefix() {
  return fs::canonical("/proc/self/exe").parent_path().parent_path();
}

/// A build tree has no package that find_package(Octet) could find.
bool is_installed() {
  return fs::exists(prefix() / "lib/cmake/Octet/OctetConfig.cmake");
}

/// What CMAKE_PREFIX_PATH has to be.
std::string package_prefix() {
  return is_installed() ? prefix().string() : "PREFIX";
}

struct NewPlugin {
  std::string name, kind;
  fs::path folder;
};

/// Everything that can be wrong, at once.
NewPlugin check(const CommandLine& line) {
  Problems problems;
  NewPlugin plugin;
  const std::vector<std::string> names = line.all("name");
  plugin.name = names.empty() ? "" : names.front();
  if (names.empty()) {
    problems.add("expected a name, as in `trainer plugins new my_fp8`");
  } else if (plugin.name == "auto") {
    problems.add("\"auto\" is a choice of run.toml; take another name");
  } else if (!is_name(plugin.name)) {
    problems.add(
        "expected a name of at most 64 lower-case letters, digits, - and _ "
        "that starts with a letter, found \"" +
        plugin.name + "\"");
  }
  if (line.has("kind")) {
    plugin.kind = line.get<std::string>("kind");
  }
  if (std::count(kKinds.begin(), kKinds.end(), plugin.kind) == 0) {
    const std::string near = nearest_name(plugin.kind, kKinds);
    problems.add(
        "expected --kind precision or feature, found " +
        (plugin.kind.empty() ? "none" : "\"" + plugin.kind + "\"") +
        (near.empty() ? "" : "; did you mean " + near + "?"));
  }
  const fs::path directory = line.get<std::string>("directory");
  plugin.folder = directory / plugin.name;
  std::error_code error;
  if (!fs::is_directory(directory, error)) {
    problems.add(
        "--directory: expected a folder, found none: " + directory.string());
  } else if (
      !plugin.name.empty() &&
      fs::exists(fs::symlink_status(plugin.folder, error))) {
    problems.add(
        "expected a new folder, found something there: " +
        plugin.folder.string() + "; choose another name or --directory");
  }
  problems.raise(ExitCode::usage, "plugins", "cannot make this plugin");
  return plugin;
}

std::string
replace_all(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos;
       at += to.size()) {
    text.replace(at, from.size(), to);
  }
  return text;
}

/// A C++ identifier for the plugin's namespace.
std::string identifier(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string filled(const std::string& text, const NewPlugin& plugin) {
  std::string result = replace_all(text, "@NAME@", plugin.name);
  result = replace_all(result, "@IDENTIFIER@", identifier(plugin.name));
  result = replace_all(
      result,
      "@PREFIX_NOTE@",
      is_installed() ? ""
                     : "\n`PREFIX` is the folder that `cmake --install BUILD "
                       "--prefix PREFIX` put Octet into.\n");
  return replace_all(result, "@PREFIX@", package_prefix());
}

std::string read_file(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) {
    throw Failure(ExitCode::failed, "plugins", "cannot read " + file.string());
  }
  return text.str();
}

void write_file(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) {
    throw Failure(ExitCode::failed, "plugins", "cannot write " + file.string());
  }
}

/// `backend.cpp.in` becomes `backend.cpp`.
void fill_folder(const fs::path& folder, const NewPlugin& plugin) {
  const fs::path templates = prefix() / "share/octet/template" / plugin.kind;
  if (!fs::is_directory(templates)) {
    throw Failure(
        ExitCode::failed,
        "plugins",
        "expected the template folder " + templates.string() +
            ", found none; install all of Octet");
  }
  for (const auto& entry : fs::directory_iterator(templates)) {
    const fs::path name = entry.path().filename();
    write_file(
        folder / (name.extension() == ".in" ? name.stem() : name),
        filled(read_file(entry.path()), plugin));
  }
}

/// Made beside the target and renamed, so that an error leaves nothing.
void make_folder(const NewPlugin& plugin) {
  fs::path unfinished = plugin.folder;
  unfinished.replace_filename(
      "." + plugin.name + "." + std::to_string(::getpid()));
  try {
    fs::create_directory(unfinished);
    fill_folder(unfinished, plugin);
    fs::rename(unfinished, plugin.folder);
  } catch (const fs::filesystem_error& error) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw Failure(
        ExitCode::failed,
        "plugins",
        "cannot make " + plugin.folder.string() + ": " +
            error.code().message());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    throw;
  }
}

void warn_of_taken_name(const CommandLine& line, const std::string& name) {
  const Catalog catalog = catalog_of(line);
  if (const CatalogEntry* entry = catalog.find_any(name)) {
    std::cerr << "[plugins] note: the name " << name << " is taken by "
              << entry->path.string()
              << "; whichever folder is searched first wins\n";
  }
}

void print_next_steps(const NewPlugin& plugin) {
  const std::string folder = plugin.folder.lexically_normal().string();
  std::cout << "Made " << folder << ": a " << plugin.kind
            << " plugin that works as it is. Next:\n\n";
  if (!is_installed()) {
    std::cout << "  cmake --install " << prefix().string()
              << " --prefix PREFIX\n";
  }
  std::cout << "  cmake -G Ninja -S " << folder << " -B " << folder
            << "/build -DCMAKE_PREFIX_PATH=" << package_prefix() << "\n"
            << "  cmake --build " << folder << "/build\n"
            << "  ctest --test-dir " << folder << "/build --output-on-failure\n"
            << "  trainer plugins list --plugin-path " << folder << "/build\n";
}

} // namespace

ExitCode make_new_plugin(const Arguments& arguments) {
  CommandLine line = describe_command();
  if (!line.parse(arguments)) {
    return ExitCode::success;
  }
  const NewPlugin plugin = check(line);
  warn_of_taken_name(line, plugin.name);
  make_folder(plugin);
  print_next_steps(plugin);
  return ExitCode::success;
}

} // namespace octet
