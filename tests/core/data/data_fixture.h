// A folder for the files of one test, and a run that reads from it.
#pragma once

#include "core/base/problems.h"
#include "core/config/run_config.h"
#include "tests/core/data/byte_tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace octet {

class DataTest : public ::testing::Test {
 protected:
  DataTest() {
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    folder = std::filesystem::temp_directory_path() /
        ("octet_data_" + std::to_string(getpid()) + "_" + info->name());
    std::filesystem::create_directories(folder);
    config.data.chat_template = "chatml";
    config.data.max_length = 512;
    config.data.cache = folder / "cache";
    config.data.use_cache = false;
    config.train.batch_size = 1;
    config.train.gradient_accumulation = 1;
    config.run.seed = 1;
    config.run.threads = 2;
  }
  ~DataTest() override {
    std::filesystem::remove_all(folder);
  }

  std::filesystem::path write(const std::string& name, const std::string& text)
      const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }

  /// Writes the file and makes it the run's only training set.
  void train_on(const std::string& name, const std::string& text) {
    DataSetConfig set;
    set.path = write(name, text);
    config.data.train = {set};
  }

  /// The message of the Failure that `call` throws; "" when it throws none.
  static std::string failure_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Failure& failure) {
      return failure.what();
    }
    return "";
  }

  std::filesystem::path folder;
  RunConfig config;
  ByteTokenizer tokenizer;
};

} // namespace octet
