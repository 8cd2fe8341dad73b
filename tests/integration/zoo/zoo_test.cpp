// The table of specimens.h, row by row: doctor, then a run.
#include "tests/integration/train_fixture.h"
#include "tests/integration/zoo/specimens.h"
#include "tests/integration/zoo/zoo_files.h"

#include <gmock/gmock.h>

#include <algorithm>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using zoo::Specimen;

std::string test_name(const ::testing::TestParamInfo<Specimen>& info) {
  const Specimen& specimen = info.param;
  std::string text = specimen.file + "_" + specimen.options + specimen.gate +
      std::to_string(info.index);
  text.erase(
      std::remove_if(
          text.begin(),
          text.end(),
          [](unsigned char c) { return std::isalnum(c) == 0 && c != '_'; }),
      text.end());
  return text;
}

class Zoo : public TrainRun, public ::testing::WithParamInterface<Specimen> {
 protected:
  void SetUp() override {
    TrainRun::SetUp();
    fs::create_directories(plugins());
    const Specimen& specimen = GetParam();
    add(specimen.file, specimen.change);
    if (!specimen.beside.empty()) {
      add(specimen.beside, nullptr);
    }
    if (!specimen.twin.empty()) {
      fs::copy_file(
          zoo::built(specimen.file), plugins() / (specimen.twin + ".so"));
    }
  }

  fs::path plugins() const {
    return folder() / "plugins";
  }

  // A file that the zoo does not have is made from the good feature.
  void add(
      const std::string& file,
      const std::function<void(const fs::path&)>& change) const {
    const fs::path to = plugins() / (file + ".so");
    const fs::path built = zoo::built(file);
    fs::copy_file(fs::exists(built) ? built : zoo::built("good_feature"), to);
    if (change) {
      change(to);
    }
  }

  ProcessResult trainer(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--plugin-path", plugins().string()});
    // Signals are the subject here: no sanitizer is to catch them.
    ProcessResult result = run_trainer(
        arguments, folder(), {"ASAN_OPTIONS=handle_segv=0:handle_abort=0"});
    for (std::string* text : {&result.out, &result.err}) {
      replace_all(*text, plugins(), "DIR");
      replace_all(*text, folder(), "ABOVE");
    }
    return result;
  }

  static void replace_all(
      std::string& text,
      const std::string& from,
      const std::string& to) {
    for (size_t at = text.find(from); at != std::string::npos;
         at = text.find(from)) {
      text.replace(at, from.size(), to);
    }
  }

  std::string run_toml() const {
    const Specimen& specimen = GetParam();
    const std::string text = file_bytes(folder() / "run.toml");
    std::string backend = specimen.precision ? specimen.name : "fp32";
    std::string toml = text.substr(0, text.find("[precision]")) +
        "[precision]\nbackend = \"" + backend + "\"\n";
    toml += (specimen.precision ? "[precision." : "[features.") +
        specimen.name + "]\n" + specimen.options;
    return specimen.beside_name.empty()
        ? toml
        : toml + "[features." + specimen.beside_name + "]\n";
  }
};

TEST_P(Zoo, DoctorSaysWhatIsWrong) {
  const Specimen& specimen = GetParam();
  const ProcessResult result = trainer(
      {"plugins",
       "doctor",
       specimen.name,
       "--json",
       "--timeout",
       specimen.timeout});
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.status, specimen.gate.empty() ? 0 : 3);
  const auto reports = nlohmann::json::parse(result.out);
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0]["fine"], specimen.gate.empty());
  bool reached = true;
  for (const auto& gate : reports[0]["gates"]) {
    const std::string reason = gate["reason"];
    if (gate["gate"] != specimen.gate) {
      EXPECT_EQ(gate["status"], reached ? "ok" : "not reached") << gate;
      continue;
    }
    reached = false;
    EXPECT_EQ(gate["status"], specimen.status);
    if (specimen.reason.ends_with("...")) {
      EXPECT_THAT(
          reason,
          StartsWith(specimen.reason.substr(0, specimen.reason.size() - 3)));
    } else {
      EXPECT_EQ(reason, specimen.reason);
    }
  }
}

class ZooTwins : public Zoo {};

TEST_P(ZooTwins, TheSecondIsShadowedByTheFirst) {
  const Specimen& specimen = GetParam();
  const std::string winner = "DIR/" + specimen.file + ".so";
  const std::string twin = "DIR/" + specimen.twin + ".so";
  EXPECT_THAT(
      trainer({"plugins", "list"}).out,
      HasSubstr(
          "\n" + specimen.name + " (" + twin +
          ") is shadowed:\n  its name is taken by " + winner + "\n"));
  const ProcessResult result =
      trainer({"plugins", "doctor", "--json", "--timeout", "30"});
  EXPECT_EQ(result.status, 0) << result.out;
  for (const auto& report : nlohmann::json::parse(result.out)) {
    if (report["path"] == twin) {
      EXPECT_EQ(report["health"], "fine");
      EXPECT_EQ(report["gates"][0]["status"], "shadowed");
      EXPECT_EQ(report["gates"][0]["reason"], "its name is taken by " + winner);
      EXPECT_EQ(report["gates"][1]["status"], "not reached");
      return;
    }
  }
  ADD_FAILURE() << result.out;
}

TEST_P(Zoo, ARunThatNamesItEndsWithTheReason) {
  const Specimen& specimen = GetParam();
  if (specimen.exit < 0) {
    GTEST_SKIP() << "nothing is promised for a run";
  }
  write("run.toml", run_toml());
  const ProcessResult result =
      trainer({"--config", "run.toml", "--set", "train.max_steps=1"});
  EXPECT_EQ(result.status, specimen.exit) << result.out << result.err;
  std::string error = specimen.error;
  if (error.ends_with("...")) {
    error.resize(error.size() - 3);
  }
  EXPECT_THAT(result.err, HasSubstr(error));
  // LibTorch's frames say nothing to a user.
  EXPECT_THAT(result.err, Not(HasSubstr("frame #0")));
}

INSTANTIATE_TEST_SUITE_P(
    Inspect,
    Zoo,
    ::testing::ValuesIn(zoo::inspected()),
    test_name);
INSTANTIATE_TEST_SUITE_P(
    Load,
    Zoo,
    ::testing::ValuesIn(zoo::loaded()),
    test_name);
INSTANTIATE_TEST_SUITE_P(
    Run,
    Zoo,
    ::testing::ValuesIn(zoo::running()),
    test_name);

INSTANTIATE_TEST_SUITE_P(
    Duplicate,
    Zoo,
    ::testing::ValuesIn(zoo::duplicate()),
    test_name);
INSTANTIATE_TEST_SUITE_P(
    Duplicate,
    ZooTwins,
    ::testing::ValuesIn(zoo::duplicate()),
    test_name);

} // namespace
} // namespace octet
