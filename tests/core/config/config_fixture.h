// A folder of its own for each test, with a model and data to point at, and
// the current folder while the test runs.
#pragma once

#include "core/base/problems.h"
#include "core/config/load.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace octet {

class ConfigTest : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::string folder =
        (std::filesystem::temp_directory_path() / "octet-config-XXXXXX")
            .string();
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = std::filesystem::canonical(folder);
    std::filesystem::current_path(folder_);
    std::filesystem::create_directory("model");
    write("a.jsonl", "{}\n");
    write("b.jsonl", "{}\n");
  }

  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

  static void write(const std::string& name, const std::string& text) {
    std::ofstream(name, std::ios::binary) << text;
  }

  // The two required keys; what a test is about comes behind them.
  static std::string base() {
    return "[model]\n"
           "path = \"model\"\n"
           "[data]\n"
           "train = [\"a.jsonl\"]\n";
  }

  static RunConfig load(
      const std::string& text,
      const std::vector<std::string>& overrides = {},
      const PluginKeys& plugin_keys = {}) {
    write("run.toml", text);
    return load_run_config("run.toml", overrides, plugin_keys);
  }

  // The whole message of the Failure that loading ends with.
  static std::string message(
      const std::string& text,
      const std::vector<std::string>& overrides = {},
      const PluginKeys& plugin_keys = {}) {
    try {
      load(text, overrides, plugin_keys);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), ExitCode::usage);
      return failure.what();
    }
    return "no problem";
  }

  std::filesystem::path folder_;

 private:
  std::filesystem::path before_;
};

} // namespace octet
