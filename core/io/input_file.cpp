// Reads go through pread: no seek position, so threads need no lock.
#include "core/io/input_file.h"

#include "core/base/problems.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace octet {

InputFile::InputFile(std::filesystem::path path, std::string component)
    : path_(std::move(path)), component_(std::move(component)) {
  const auto fail = [&](const std::string& what) {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    throw Failure(
        ExitCode::input,
        component_,
        "expected a readable file, found " + path_.string() + ": " + what);
  };
  // Without O_NONBLOCK, opening a FIFO would wait for a writer.
  fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) {
    fail(std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(fd_, &status) != 0) {
    fail(std::strerror(errno));
  }
  if (!S_ISREG(status.st_mode)) {
    fail(S_ISDIR(status.st_mode) ? "a folder" : "not a regular file");
  }
  size_ = static_cast<size_t>(status.st_size);
}

InputFile::~InputFile() {
  ::close(fd_);
}

void InputFile::read(size_t offset, std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t count = ::pread(
        fd_,
        out.data() + done,
        out.size() - done,
        static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      const std::string wanted = std::to_string(out.size()) +
          " bytes at byte " + std::to_string(offset) + " of " + path_.string();
      throw Failure(
          ExitCode::input,
          component_,
          count < 0 ? "expected to read " + wanted + ": " + std::strerror(errno)
                    : "expected " + wanted + ", the file ends before");
    }
    done += static_cast<size_t>(count);
  }
}

std::string read_text_file(
    const std::filesystem::path& path,
    const std::string& component,
    size_t limit) {
  const InputFile file(path, component);
  if (file.size() > limit) {
    throw Failure(
        ExitCode::input,
        component,
        "expected at most " + std::to_string(limit) + " bytes in " +
            path.string() + ", found " + std::to_string(file.size()));
  }
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

} // namespace octet
