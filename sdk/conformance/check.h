// One check of a plugin: its name, what it makes sure of, and how its outcome
// is recorded. Rows go out one by one, so that a plugin that ends the process
// leaves behind what was found before, and which check it died in.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace octet::conformance {

struct CheckInfo {
  std::string name;
  /// "every plugin", "precision" or "feature".
  std::string of;
  /// What it makes sure of.
  std::string about;
};

/// All checks in the order in which they run.
const std::vector<CheckInfo>& all_checks();

enum class Verdict { passed, failed, skipped };

struct Row {
  std::string check;
  Verdict verdict = Verdict::passed;
  /// Why it failed or was skipped; for one that passed, what is worth knowing.
  std::string reason;
};

const char* to_string(Verdict verdict);

/// Ends the check that runs now as failed.
[[noreturn]] void fail(const std::string& reason);

/// Fails unless `good`.
void expect(bool good, const std::string& reason);

/// Writes rows as JSON lines into a file descriptor.
class Recorder {
 public:
  explicit Recorder(int descriptor) : descriptor_(descriptor) {}

  /// Runs one check. Whatever it throws makes it fail.
  /// @param body returns a note, usually empty  @returns whether it passed
  bool run(const std::string& check, const std::function<std::string()>& body);
  void skip(const std::vector<std::string>& checks, const std::string& reason);
  /// Says that every check was reached. @param usable what the probe said
  void end(bool usable);

 private:
  void row(const Row& row);
  void write(const std::string& line) const;
  int descriptor_;
};

} // namespace octet::conformance
