// The options of one command: parsing, help, and errors that name the nearest
// option.
#pragma once

#include <boost/program_options.hpp>

#include <string>
#include <vector>

namespace octet {

namespace po = boost::program_options;

class CommandLine {
 public:
  /// @param name "trainer data"  @param usage what follows the name
  /// @param about what the command does, a paragraph
  /// @param examples command lines, each with what it is for
  CommandLine(
      std::string name,
      std::string usage,
      std::string about,
      std::vector<std::pair<std::string, std::string>> examples);

  /// For adding options.
  po::options_description& options() {
    return options_;
  }
  /// Arguments without a dash go to this (hidden) option, `count` at most.
  void positional(const std::string& name, int count);

  /// @returns false when --help was asked for and has been printed
  /// @throws Failure(usage) for an unknown option, a missing or wrong value
  bool parse(const std::vector<std::string>& arguments);

  bool has(const std::string& name) const {
    return values_.count(name) > 0;
  }
  template <class Value>
  Value get(const std::string& name) const {
    return values_[name].as<Value>();
  }
  /// All values of an option that may stand several times.
  std::vector<std::string> all(const std::string& name) const;
  /// @throws Failure(usage) that shows the first example
  std::string required(const std::string& name) const;

  /// @throws Failure(usage) unless `good`: "expected 1 or more for --show,
  /// found 0"
  void expect(
      bool good,
      const std::string& option,
      const std::string& expected,
      const std::string& found) const;

  std::string help() const;

 private:
  [[noreturn]] void fail(const std::string& text) const;
  [[noreturn]] void fail_unknown(const std::string& option) const;

  std::string name_, usage_, about_;
  std::vector<std::pair<std::string, std::string>> examples_;
  po::options_description options_;
  po::options_description hidden_;
  po::positional_options_description positional_;
  po::variables_map values_;
};

} // namespace octet
