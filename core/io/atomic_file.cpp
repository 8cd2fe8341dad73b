// Temporary name, write, fsync, rename, fsync of the folder; and messages that
// say what of the user's is still whole.
#include "core/io/atomic_file.h"

#include "core/base/problems.h"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace octet {

namespace fs = std::filesystem;

namespace {

std::string advice(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space there, or choose another folder";
    case EFBIG:
      return "; files of this size are not allowed here (see ulimit -f)";
    case EROFS:
    case EACCES:
    case EPERM:
      return "; choose a folder that you may write to";
    default:
      return "";
  }
}

std::string reason(int error) {
  switch (error) {
    case ENOSPC:
      return "the disk is full";
    case EDQUOT:
      return "the disk quota is used up";
    case EROFS:
      return "the file system is read-only";
    case EACCES:
    case EPERM:
      return "the folder is not writable";
    default:
      return std::strerror(error);
  }
}

[[noreturn]] void
fail(const fs::path& path, int error, const std::string& safe) {
  throw Failure(
      ExitCode::failed,
      "files",
      "expected to write " + path.string() + ": " + reason(error) +
          advice(error) + ". " + safe);
}

std::string safe_state(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) ? "What stood there before is unchanged."
                                   : "Nothing was left behind.";
}

/// A name beside `path` that no other writer uses.
fs::path temporary_name(const fs::path& path) {
  static std::atomic<unsigned> counter = 0;
  return path.parent_path() /
      ("." + path.filename().string() + ".partial-" +
       std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Flushes a file or a folder. @returns 0 or the error
int flush(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  const int error = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  // Some file systems cannot flush a folder.
  return error == EINVAL ? 0 : error;
}

/// "models/x/" names the same folder as "models/x".
fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

} // namespace

void write_fully(
    int fd,
    size_t offset,
    std::span<const std::byte> bytes,
    const fs::path& path,
    const std::string& safe) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::pwrite(
        fd,
        bytes.data() + done,
        bytes.size() - done,
        static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      fail(path, count < 0 ? errno : ENOSPC, safe);
    }
    done += static_cast<size_t>(count);
  }
}

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)), temporary_(temporary_name(path_)) {
  fd_ =
      ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    fail(path_, errno, safe_state(path_));
  }
}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    ::close(fd_);
    ::unlink(temporary_.c_str());
  }
}

void AtomicFile::write(size_t offset, std::span<const std::byte> bytes) {
  write_fully(fd_, offset, bytes, path_, safe_state(path_));
}

void AtomicFile::commit() {
  // A network file system may report a full disk only now.
  if (::fsync(fd_) != 0 || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    fail(path_, errno, safe_state(path_));
  }
  ::close(fd_);
  fd_ = -1;
  if (const int error = flush(folder_of(path_)); error != 0) {
    fail(path_, error, "The file is there, but may not survive a power cut.");
  }
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(0, std::as_bytes(std::span(content)));
  file.commit();
}

AtomicFolder::AtomicFolder(fs::path path)
    : path_(without_trailing_slash(path)), temporary_(temporary_name(path_)) {
  std::error_code error;
  if (path_.has_parent_path()) {
    fs::create_directories(path_.parent_path(), error);
  }
  if (!error) {
    fs::create_directory(temporary_, error);
  }
  if (error) {
    fail(path_, error.value(), safe_state(path_));
  }
}

AtomicFolder::~AtomicFolder() {
  if (!committed_) {
    std::error_code ignored;
    fs::remove_all(temporary_, ignored);
  }
}

void AtomicFolder::commit() {
  const std::string safe = safe_state(path_);
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(temporary_, error);
       !error && entry != fs::recursive_directory_iterator();
       entry.increment(error)) {
    if (!entry->is_symlink()) {
      if (const int code = flush(entry->path()); code != 0) {
        fail(path_, code, safe);
      }
    }
  }
  const int code = error ? error.value() : flush(temporary_);
  if (code != 0) {
    fail(path_, code, safe);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) == 0) {
    committed_ = true;
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    // The old folder gets the temporary name, and goes.
    if (::renameat2(
            AT_FDCWD,
            temporary_.c_str(),
            AT_FDCWD,
            path_.c_str(),
            RENAME_EXCHANGE) != 0) {
      fail(path_, errno, safe);
    }
    committed_ = true;
    fs::remove_all(temporary_, error);
  } else {
    fail(path_, errno, safe);
  }
  if (const int flushed = flush(folder_of(path_)); flushed != 0) {
    fail(
        path_,
        flushed,
        "The folder is there, but may not survive a power cut.");
  }
}

} // namespace octet
