// Boost.Program_options with exact names only: "--res" is an unknown option,
// never a guess at --resume.
#include "tools/trainer/command_line.h"

#include "core/base/problems.h"

#include <iostream>
#include <sstream>

namespace octet {
namespace {

constexpr int kExactNames = po::command_line_style::unix_style &
    ~po::command_line_style::allow_guessing;

// Arguments that no option and no positional takes.
constexpr const char* kStray = "stray-arguments";

// Boost gives the name as written, with or without dashes.
std::string option_name(const po::error_with_option_name& error) {
  std::string name = error.get_option_name();
  if (!name.empty() && name[0] != '-') {
    name = "--" + name;
  }
  return name;
}

// Boost keeps the value to itself, but writes it in parentheses and quotes.
std::string found_value(const po::validation_error& error) {
  const std::string text = error.what();
  const size_t open = text.find("('"), close = text.rfind("')");
  return open == std::string::npos || close == std::string::npos
      ? ""
      : ", found \"" + text.substr(open + 2, close - open - 2) + "\"";
}

} // namespace

CommandLine::CommandLine(
    std::string name,
    std::string usage,
    std::string about,
    std::vector<std::pair<std::string, std::string>> examples)
    : name_(std::move(name)),
      usage_(std::move(usage)),
      about_(std::move(about)),
      examples_(std::move(examples)),
      options_("Options", 80, 40) {
  hidden_.add_options()(kStray, po::value<std::vector<std::string>>());
  options_.add_options()("help,h", "show this");
}

void CommandLine::positional(const std::string& name, int count) {
  hidden_.add_options()(name.c_str(), po::value<std::vector<std::string>>());
  positional_.add(name.c_str(), count);
}

bool CommandLine::parse(const std::vector<std::string>& arguments) {
  po::options_description all;
  po::positional_options_description positional = positional_;
  positional.add(kStray, -1);
  all.add(options_).add(hidden_);
  try {
    po::store(
        po::command_line_parser(arguments)
            .options(all)
            .positional(positional)
            .style(kExactNames)
            .run(),
        values_);
    po::notify(values_);
  } catch (const po::unknown_option& error) {
    fail_unknown(option_name(error));
  } catch (const po::multiple_occurrences& error) {
    fail("expected " + option_name(error) + " once, found it again");
  } catch (const po::invalid_command_line_syntax& error) {
    fail("expected a value for " + option_name(error) + ", found none");
  } catch (const po::validation_error& error) {
    fail(
        "expected another value for " + option_name(error) +
        found_value(error));
  } catch (const po::error_with_option_name& error) {
    fail(option_name(error) + ": " + error.what());
  } catch (const po::error& error) {
    fail(error.what());
  }
  if (values_.count("help") > 0) {
    std::cout << help();
    return false;
  }
  if (has(kStray)) {
    fail(
        (positional_.max_total_count() == 0 ? "expected options only, found \""
                                            : "expected no more than \"" +
                 this->all(positional_.name_for_position(0)).back() +
                 "\", found \"") +
        this->all(kStray).front() + "\"");
  }
  return true;
}

std::vector<std::string> CommandLine::all(const std::string& name) const {
  return has(name) ? values_[name].as<std::vector<std::string>>()
                   : std::vector<std::string>{};
}

std::string CommandLine::required(const std::string& name) const {
  if (!has(name)) {
    fail(
        "expected --" + name + ", found none; for example " +
        examples_.front().first);
  }
  return get<std::string>(name);
}

void CommandLine::expect(
    bool good,
    const std::string& option,
    const std::string& expected,
    const std::string& found) const {
  if (!good) {
    fail("expected " + expected + " for " + option + ", found " + found);
  }
}

std::string CommandLine::help() const {
  std::ostringstream out;
  out << "Usage: " << name_ << " " << usage_ << "\n\n"
      << about_ << "\n\n"
      << options_;
  if (!examples_.empty()) {
    out << "\nExamples:\n";
    for (const auto& [line, purpose] : examples_) {
      out << "  " << line << "\n      " << purpose << "\n";
    }
  }
  return out.str();
}

void CommandLine::fail(const std::string& text) const {
  throw Failure(
      ExitCode::usage, "trainer", text + "; see `" + name_ + " --help`");
}

void CommandLine::fail_unknown(const std::string& option) const {
  std::vector<std::string> known;
  for (const auto& description : options_.options()) {
    known.push_back("--" + description->long_name());
  }
  const std::string near = nearest_name(option, known);
  fail(
      "unknown option " + option +
      (near.empty() ? "" : "; did you mean " + near + "?"));
}

} // namespace octet
