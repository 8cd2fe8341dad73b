#include "core/data/record_file.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace octet {
namespace {

[[noreturn]] void fail(const std::string& text) {
  throw Failure(ExitCode::input, "data", text);
}

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool is_blank(std::string_view text) {
  for (const char c : text) {
    if (!is_blank(c)) {
      return false;
    }
  }
  return true;
}

} // namespace

RecordFile::RecordFile(const std::filesystem::path& path) : path_(path) {
  map();
  size_t at = 0;
  if (bytes_.starts_with("\xEF\xBB\xBF")) {
    bytes_.remove_prefix(3);
  }
  const std::string ending = path.extension().string();
  if (ending == ".txt" || ending == ".text" || ending == ".md") {
    is_text_ = true;
    find_documents();
  } else if (ending == ".jsonl" || ending == ".ndjson") {
    find_lines();
  } else if (ending == ".json") {
    int64_t line = 1;
    while (at < bytes_.size() && is_blank(bytes_[at])) {
      line += bytes_[at] == '\n' ? 1 : 0;
      ++at;
    }
    if (at < bytes_.size() && bytes_[at] == '[') {
      find_array_elements(at, line);
    } else {
      find_lines();
    }
  } else {
    fail(
        path.string() + " ends in \"" + ending +
        "\"; data files end in .json, .jsonl, .ndjson or .txt");
  }
}

RecordFile::~RecordFile() {
  if (mapped_ != nullptr) {
    munmap(mapped_, mapped_size_);
  }
}

void RecordFile::map() {
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    fail("cannot read " + path_.string() + ": " + std::strerror(errno));
  }
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    fail(path_.string() + " is not a file; name each file of a folder");
  }
  mapped_size_ = static_cast<size_t>(status.st_size);
  if (mapped_size_ > 0) {
    void* memory = mmap(nullptr, mapped_size_, PROT_READ, MAP_PRIVATE, file, 0);
    if (memory == MAP_FAILED) {
      const int error = errno;
      close(file);
      fail("cannot map " + path_.string() + ": " + std::strerror(error));
    }
    mapped_ = memory;
    bytes_ = {static_cast<const char*>(memory), mapped_size_};
  }
  close(file);
}

void RecordFile::find_lines() {
  int64_t line = 1;
  size_t at = 0;
  while (at < bytes_.size()) {
    size_t end = bytes_.find('\n', at);
    end = end == std::string_view::npos ? bytes_.size() : end;
    if (!is_blank(bytes_.substr(at, end - at))) {
      records_.push_back({at, end, line});
    }
    at = end + 1;
    ++line;
  }
}

// Balances brackets outside strings; whether an element is JSON shows when it
// is parsed.
void RecordFile::find_array_elements(size_t at, int64_t line) {
  const int64_t opened = line;
  RecordSlice element;
  bool in_element = false, in_string = false;
  int depth = 0;
  for (++at; at < bytes_.size(); ++at) {
    const char c = bytes_[at];
    if (c == '\n') {
      ++line;
    }
    if (in_string) {
      if (c == '\\') {
        ++at;
        line += at < bytes_.size() && bytes_[at] == '\n' ? 1 : 0;
      } else if (c == '"') {
        in_string = false;
      }
      continue;
    }
    if (depth == 0 && (c == ',' || c == ']')) {
      if (in_element) {
        element.end = at;
        records_.push_back(element);
        in_element = false;
      }
      if (c == ']') {
        if (!is_blank(bytes_.substr(at + 1))) {
          fail(
              path_.string() + ":" + std::to_string(line) +
              ": the array of records is closed here, but the file goes on");
        }
        return;
      }
      continue;
    }
    if (is_blank(c)) {
      continue;
    }
    if (!in_element) {
      in_element = true;
      element = {at, at, line};
    }
    if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  fail(
      path_.string() + ":" + std::to_string(line) +
      ": the array of records opened in line " + std::to_string(opened) +
      " is never closed" +
      (in_element ? "; the record from line " + std::to_string(element.line) +
               " is cut off"
                  : "") +
      ". Is the file complete?");
}

void RecordFile::find_documents() {
  find_lines();
  const std::vector<RecordSlice> lines = std::move(records_);
  records_.clear();
  bool has_blank = false;
  for (size_t i = 1; i < lines.size(); ++i) {
    has_blank = has_blank || lines[i].line > lines[i - 1].line + 1;
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (has_blank && i > 0 && lines[i].line == lines[i - 1].line + 1) {
      records_.back().end = lines[i].end;
    } else {
      records_.push_back(lines[i]);
    }
  }
}

std::string RecordFile::digest() const {
  Sha256 digest;
  digest.update(bytes_);
  return digest.hex();
}

} // namespace octet
