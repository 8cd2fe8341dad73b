// A data file cut into records without parsing them, so that records are
// parsed in parallel and each is known by its line.
//
// .jsonl and .ndjson: one JSON value a line. .json: an array of records, or
// one value a line. .txt: blank lines separate documents; where there is no
// blank line, each line is a document.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// Where a record stands in its file.
struct RecordSlice {
  uint64_t begin = 0;
  uint64_t end = 0;
  /// Of the first byte, from 1.
  int64_t line = 0;
};

class RecordFile {
 public:
  /// Maps the file into memory and finds its records.
  /// @throws Failure(input): no such file, a folder, an ending that is not
  /// known, an array that is never closed
  explicit RecordFile(const std::filesystem::path& path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }
  bool is_text() const {
    return is_text_;
  }
  const std::vector<RecordSlice>& records() const {
    return records_;
  }
  /// Valid as long as this object.
  std::string_view bytes(const RecordSlice& slice) const {
    return bytes_.substr(slice.begin, slice.end - slice.begin);
  }
  /// "path:line".
  std::string place(const RecordSlice& slice) const {
    return path_.string() + ":" + std::to_string(slice.line);
  }
  /// SHA-256 of the file.
  std::string digest() const;

 private:
  void map();
  void find_lines();
  void find_array_elements(size_t at, int64_t line);
  void find_documents();

  std::filesystem::path path_;
  std::string_view bytes_;
  void* mapped_ = nullptr;
  size_t mapped_size_ = 0;
  bool is_text_ = false;
  std::vector<RecordSlice> records_;
};

} // namespace octet
