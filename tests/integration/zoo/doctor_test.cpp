// trainer plugins doctor as a user meets it, and `auto` among candidates that
// crash, exit and hang.
#include "tests/integration/train_fixture.h"
#include "tests/integration/zoo/zoo_files.h"

#include <gmock/gmock.h>

#include <map>

namespace octet {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Doctor : public TrainRun {
 protected:
  fs::path add(const std::string& file, const fs::path& to = {}) const {
    const fs::path path =
        folder() / (to.empty() ? fs::path("plugins") / (file + ".so") : to);
    fs::create_directories(path.parent_path());
    fs::copy_file(zoo::built(file), path);
    return path;
  }

  ProcessResult doctor(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"plugins", "doctor"});
    arguments.insert(
        arguments.end(), {"--plugin-path", (folder() / "plugins").string()});
    return run_trainer(
        arguments, folder(), {"ASAN_OPTIONS=handle_segv=0:handle_abort=0"});
  }

  std::string backend_auto() const {
    const std::string text = file_bytes(folder() / "run.toml");
    return text.substr(0, text.find("[precision]")) +
        "[precision]\nbackend = \"auto\"\n";
  }
};

TEST_F(Doctor, PrintsOneLineAGate) {
  const fs::path good = add("good_feature"), bad = add("crash_on_load");
  EXPECT_EQ(
      doctor({"good-feature"}).out,
      "good-feature 0.1.0 (" + good.string() +
          ")\n"
          "  inspect  ok\n"
          "  load     ok\n"
          "  probe    ok: alive 0, host 1\n"
          "  create   ok\n"
          "1 of 1 plugin fine\n");
  const ProcessResult result = doctor({"crash-on-load"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(
      result.out,
      "crash-on-load 0.1.0 (" + bad.string() +
          ")\n"
          "  inspect  ok\n"
          "  load     failed: its static constructors crashed: signal 11 "
          "(SIGSEGV)\n"
          "  probe    not reached\n"
          "  create   not reached\n"
          "0 of 1 plugin fine\n");
}

TEST_F(Doctor, AFileMayLieAnywhere) {
  add("good_precision", "elsewhere/any_name.so");
  const ProcessResult result = doctor({"elsewhere/any_name.so", "--json"});
  EXPECT_EQ(result.status, 0) << result.err;
  const auto report = nlohmann::json::parse(result.out).at(0);
  EXPECT_EQ(report["name"], "good-precision");
  EXPECT_EQ(report["kind"], "precision");
  EXPECT_EQ(report["version"], "1.2.3");
  EXPECT_EQ(report["path"], (folder() / "elsewhere/any_name.so").string());
  EXPECT_EQ(report["fine"], true);
  EXPECT_EQ(report["gates"].size(), 4u);

  const ProcessResult none = doctor({"elsewhere/none.so"});
  EXPECT_EQ(none.status, 3);
  EXPECT_THAT(none.out, HasSubstr("none.so: cannot be opened: No such file"));
}

TEST_F(Doctor, WithoutANameExaminesAllAndPassesOverShadowedFiles) {
  add("good_feature");
  add("good_feature", "plugins/second.so");
  add("throwing");
  // LibTorch's plugins on a machine that does other things too.
  const ProcessResult result = doctor({"--json", "--timeout", "60"});
  EXPECT_EQ(result.status, 3);
  std::map<std::string, nlohmann::json> reports;
  for (const auto& report : nlohmann::json::parse(result.out)) {
    reports[fs::path(report["path"].get<std::string>()).filename()] = report;
  }
  EXPECT_EQ(reports["good_feature.so"]["fine"], true);
  EXPECT_EQ(reports["throwing.so"]["fine"], false);
  EXPECT_EQ(reports["second.so"]["fine"], true);
  EXPECT_EQ(reports["second.so"]["gates"][0]["status"], "shadowed");
  EXPECT_THAT(
      reports["second.so"]["gates"][0]["reason"].get<std::string>(),
      HasSubstr("good_feature.so"));
  // The installed ones were examined too, LibTorch and all.
  EXPECT_EQ(reports["fp32.so"]["fine"], true) << reports["fp32.so"];
}

TEST_F(Doctor, AMistakeOfTheCommandLineIsOne) {
  add("good_feature");
  const ProcessResult unknown = doctor({"good-featur"});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean good-feature?"));
  const ProcessResult timeout = doctor({"good-feature", "--timeout", "0"});
  EXPECT_EQ(timeout.status, 2);
  EXPECT_THAT(timeout.err, HasSubstr("expected 1 to 86400 for --timeout"));
  EXPECT_EQ(run_trainer({"plugins", "doctor", "--child"}).status, 2);
}

// What a cron job or a supervisor may leave closed.
TEST_F(Doctor, ClosedStandardStreamsChangeNoVerdict) {
  EXPECT_EQ(
      run_shell("\"$TRAINER\" plugins doctor fp32 --timeout 60 <&- 2>&-")
          .status,
      0);
  // Here the result cannot be printed, which is a failure of its own.
  EXPECT_EQ(
      run_shell("\"$TRAINER\" plugins doctor fp32 --timeout 60 <&- >&- 2>&-")
          .status,
      1);
}

// Else a file that was put there after the catalog was built could run.
TEST_F(Doctor, TheChildHoldsAFileToItsPin) {
  add("good_feature");
  const std::string command = "\"$TRAINER\" plugins doctor --child " +
      (folder() / "plugins/good_feature.so").string() + " probe '{}' -1 ";
  EXPECT_THAT(run_shell(command + "'' 3>&1").out, HasSubstr("\"probe\""));
  const ProcessResult other =
      run_shell(command + "sha256:" + std::string(64, '0') + " 3>&1");
  EXPECT_THAT(other.out, HasSubstr("[plugins.pin] expects sha256:000"));
  EXPECT_THAT(other.out, Not(HasSubstr("\"probe\"")));
}

// The second of two files of one name is shown, and not used.
TEST_F(Doctor, ADuplicateNameIsShadowedAndTheFirstRuns) {
  const fs::path installed =
      trainer_program().parent_path() / "../lib/octet/plugins/lora.so";
  fs::create_directories(folder() / "plugins");
  fs::copy_file(installed, folder() / "plugins/mine.so");
  const ProcessResult result = doctor({"lora", "--timeout", "60"});
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_THAT(result.out, HasSubstr("plugins/mine.so)\n  inspect  ok\n"));
  const ProcessResult listed = run_trainer(
      {"plugins", "list", "--plugin-path", (folder() / "plugins").string()});
  EXPECT_THAT(
      listed.out,
      HasSubstr(
          "lora.so) is shadowed:\n  its name is taken by " +
          (folder() / "plugins/mine.so").string() + "\n"));
  const ProcessResult run =
      train({"--plugin-path", "plugins", "--set", "train.max_steps=1"});
  ASSERT_EQ(run.status, 0) << run.err;
  const auto resolution =
      nlohmann::json::parse(file_bytes(this->run() / "resolution.json"));
  EXPECT_EQ(
      resolution["features"][0]["path"],
      (folder() / "plugins/mine.so").string());
}

// Backends of Octet that need a GPU are in order on a machine without one.
TEST_F(Doctor, WhatIsNotUsableHereCountsOnlyWhenItIsNamed) {
  add("auto_slow_to_load"); // its probe says "not usable"
  const ProcessResult all = doctor({"--json", "--timeout", "30"});
  EXPECT_EQ(all.status, 0) << all.out;
  std::map<std::string, nlohmann::json> reports;
  for (const auto& report : nlohmann::json::parse(all.out)) {
    reports[report["name"]] = report;
  }
  const nlohmann::json& slow = reports.at("auto-slow-to-load");
  EXPECT_EQ(slow["health"], "not usable");
  EXPECT_EQ(slow["fine"], false);
  EXPECT_EQ(slow["gates"][2]["status"], "not usable");
  EXPECT_EQ(reports.at("fp32")["health"], "fine");
  const ProcessResult named = doctor({"auto-slow-to-load", "--timeout", "30"});
  EXPECT_EQ(named.status, 3);
  EXPECT_THAT(
      named.out,
      HasSubstr("\n  probe    not usable: arrived, 0 s left\n"
                "  create   not reached\n"
                "0 of 1 plugin fine, 1 not usable on this machine\n"));
}

// 11 s to load are more than a probe may take, and less than loading may.
TEST_F(Doctor, AutoWaitsForACandidateThatLoadsSlowly) {
  add("stumble_backend"); // one that auto can choose where bf16 is not built
  add("auto_slow_to_load");
  write("run.toml", backend_auto());
  const ProcessResult result = run_trainer(
      {"--config", "run.toml", "--plugin-path", "plugins", "--dry-run"},
      folder());
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("arrived, 0 s left"));
}

TEST_F(Doctor, AutoGoesOnAfterCandidatesThatCrashExitOrHang) {
  for (const char* file :
       {"auto_crash_on_load",
        "auto_exit_on_load",
        "auto_hang_in_probe",
        "stumble_backend"}) {
    add(file);
  }
  write("run.toml", backend_auto());
  const ProcessResult result = run_trainer(
      {"--config",
       "run.toml",
       "--plugin-path",
       "plugins",
       "--set",
       "train.max_steps=1"},
      folder(),
      {"ASAN_OPTIONS=handle_segv=0:handle_abort=0"});
  ASSERT_EQ(result.status, 0) << result.err;
  std::map<std::string, std::string> reasons;
  std::string chosen;
  const auto resolution =
      nlohmann::json::parse(file_bytes(run() / "resolution.json"));
  for (const auto& row : resolution["candidates"]) {
    if (row["verdict"] == "not usable") {
      reasons[row["name"]] = row["reason"];
    } else if (row["verdict"] == "chosen") {
      chosen = row["name"];
    }
  }
  EXPECT_EQ(
      reasons["auto-crash-on-load"],
      "its static constructors crashed: signal 11 (SIGSEGV)");
  EXPECT_EQ(
      reasons["auto-exit-on-load"],
      "its static constructors ended the program");
  EXPECT_EQ(reasons["auto-hang-in-probe"], "probe gave no answer within 10 s");
  EXPECT_NE(chosen, "");
}

} // namespace
} // namespace octet
