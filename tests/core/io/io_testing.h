// What the tests of core/io, core/spec and the weights share.
#pragma once

#include "core/base/problems.h"
#include "core/io/input_file.h"
#include "core/io/tensor_file.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include <unistd.h>

namespace octet::testing {

inline std::filesystem::path fixture(const std::string& name) {
  return std::filesystem::path(OCTET_SOURCE_DIR) / "tests/fixtures" / name;
}

/// A folder that goes with the test.
class TempFolder {
 public:
  TempFolder() {
    static std::atomic<int> counter = 0;
    path_ = std::filesystem::temp_directory_path() /
        ("octet-test-" + std::to_string(::getpid()) + "-" +
         std::to_string(counter++));
    std::filesystem::create_directories(path_);
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }
  const std::filesystem::path& path() const {
    return path_;
  }

 private:
  std::filesystem::path path_;
};

inline void put(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string get(const std::filesystem::path& path) {
  return read_text_file(path, "test");
}

/// The message of the Failure that `body` throws; "" when it throws none.
inline std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

template <typename T>
std::vector<T> values_of(const TensorFile& file, const std::string& name) {
  std::vector<T> values(file.tensors().at(name).bytes / sizeof(T));
  file.read(name, std::as_writable_bytes(std::span(values)));
  return values;
}

} // namespace octet::testing
