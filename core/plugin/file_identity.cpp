// SHA-256 of a file through one descriptor, and the kernel's own word on which
// file a piece of memory comes from.
#include "core/plugin/file_identity.h"

#include "core/base/problems.h"
#include "core/base/sha256.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>

namespace octet {

namespace {

[[noreturn]] void refuse(
    const std::filesystem::path& file,
    const std::string& text) {
  throw Failure(ExitCode::resolution, "plugins", file.string() + " " + text);
}

FileIdentity identity_from(const struct stat& facts) {
  return {
      static_cast<uint64_t>(facts.st_dev),
      static_cast<uint64_t>(facts.st_ino),
      static_cast<int64_t>(facts.st_size),
      static_cast<int64_t>(facts.st_ctim.tv_sec) * 1'000'000'000 +
          facts.st_ctim.tv_nsec};
}

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path) : path_(path) {
    // O_NONBLOCK: opening a named pipe must not wait for its writer.
    file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file_ < 0) {
      refuse(path_, std::string("cannot be opened: ") + std::strerror(errno));
    }
  }
  ~OpenFile() {
    ::close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  FileIdentity identity() const {
    struct stat facts {};
    if (::fstat(file_, &facts) != 0 || !S_ISREG(facts.st_mode)) {
      refuse(path_, "is no regular file");
    }
    return identity_from(facts);
  }

  std::string digest() const {
    Sha256 digest;
    std::array<char, 1 << 16> part{};
    for (;;) {
      const ssize_t got = ::read(file_, part.data(), part.size());
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0) {
        refuse(path_, std::string("cannot be read: ") + std::strerror(errno));
      }
      if (got == 0) {
        return digest.hex();
      }
      digest.update({part.data(), static_cast<size_t>(got)});
    }
  }

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

} // namespace

FileDigest digest_file(const std::filesystem::path& path) {
  const OpenFile file(path);
  const FileIdentity before = file.identity();
  FileDigest found{file.digest(), before};
  if (!(file.identity() == before)) {
    refuse(path, "changed while it was read; try again");
  }
  return found;
}

FileIdentity identity_of(const std::filesystem::path& file) {
  struct stat facts {};
  if (::stat(file.c_str(), &facts) != 0) {
    refuse(file, std::string("cannot be found: ") + std::strerror(errno));
  }
  return identity_from(facts);
}

FileIdentity mapped_file(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    uintptr_t begin = 0, end = 0;
    unsigned major_number = 0, minor_number = 0;
    uint64_t inode = 0;
    const int read = std::sscanf(
        line.c_str(),
        "%" SCNxPTR "-%" SCNxPTR " %*s %*s %x:%x %" SCNu64,
        &begin,
        &end,
        &major_number,
        &minor_number,
        &inode);
    if (read == 5 && begin <= wanted && wanted < end) {
      FileIdentity found;
      found.device =
          static_cast<uint64_t>(::makedev(major_number, minor_number));
      found.inode = inode;
      return found;
    }
  }
  return {};
}

} // namespace octet
