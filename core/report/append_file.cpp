// Plain POSIX writes: a stream's buffer would hide a full disk until close.
#include "core/report/append_file.h"

#include "core/base/problems.h"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace octet {
namespace {

[[noreturn]] void
fail(const std::filesystem::path& path, const char* doing, int error) {
  std::string text = "expected to " + std::string(doing) + " " + path.string() +
      ", got: " + std::strerror(error);
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    text += "; free some space, then continue with --resume";
  } else {
    text += "; make the folder writable, or choose another run.output";
  }
  throw Failure(ExitCode::failed, "report", text);
}

} // namespace

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  const int flags = O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC;
  descriptor_ = ::open(path_.c_str(), flags, 0644);
  if (descriptor_ < 0) {
    fail(path_, "open", errno);
  }
}

AppendFile::~AppendFile() {
  ::close(descriptor_);
}

void AppendFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      fail(path_, "write to", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

bool AppendFile::ends_mid_line() const {
  struct stat facts {};
  char last = '\n';
  if (::fstat(descriptor_, &facts) != 0 || facts.st_size == 0) {
    return false;
  }
  return ::pread(descriptor_, &last, 1, facts.st_size - 1) == 1 && last != '\n';
}

} // namespace octet
