// Files and folders that are whole or absent, whatever happens in between.
//
// Everything is written under a temporary name in the same folder, flushed to
// the disk, renamed, and then the folder is flushed: after a crash the old or
// the new content is there, never a mixture.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace octet {

/// Replaces `path` by a file with this content.
/// @throws Failure(failed) for a full disk, a read-only folder, ...; what stood
/// at `path` before is still there then
void write_file_atomically(
    const std::filesystem::path& path,
    std::string_view content);

/// A file that is written piece by piece. Without commit() it leaves nothing.
class AtomicFile {
 public:
  /// @throws Failure(failed)
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Writes at a place of the file; gaps are zeros.
  /// @throws Failure(failed)
  void write(size_t offset, std::span<const std::byte> bytes);
  /// Flushes, then gives the file its name.
  /// @throws Failure(failed)
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int fd_ = -1;
};

/// A folder that is filled under a temporary name beside its final one.
/// Without commit() it leaves nothing.
class AtomicFolder {
 public:
  /// Creates the temporary folder, and the parents of `path` where missing.
  /// @throws Failure(failed)
  explicit AtomicFolder(std::filesystem::path path);
  ~AtomicFolder();
  AtomicFolder(const AtomicFolder&) = delete;
  AtomicFolder& operator=(const AtomicFolder&) = delete;

  /// Where to put the files until commit().
  const std::filesystem::path& temporary() const {
    return temporary_;
  }
  /// Flushes every file in it, then gives the folder its name. A folder that
  /// stands there already is replaced in one step.
  /// @throws Failure(failed)
  void commit();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
  bool committed_ = false;
};

/// Writes all of `bytes` to an open file.
/// @param path,safe for the message: what is being written, what of the
/// user's is still whole
/// @throws Failure(failed)
void write_fully(
    int fd,
    size_t offset,
    std::span<const std::byte> bytes,
    const std::filesystem::path& path,
    const std::string& safe);

} // namespace octet
