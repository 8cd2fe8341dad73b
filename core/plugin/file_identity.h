// Which file a path led to, and what was in it, so that a pinned plugin can be
// compared with what was really loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace octet {

/// Enough to notice that a file was replaced (another inode) or written to
/// (another time of change, which its owner cannot set).
struct FileIdentity {
  uint64_t device = 0, inode = 0;
  int64_t size = 0, changed_ns = 0;
  bool operator==(const FileIdentity&) const = default;
};

struct FileDigest {
  /// 64 lower-case hex digits.
  std::string sha256;
  /// Of the opened file that was read.
  FileIdentity identity;
};

/// Reads the whole file through one descriptor.
/// @throws Failure(resolution) when it cannot be read, or changes meanwhile
FileDigest digest_file(const std::filesystem::path& file);

/// @throws Failure(resolution) when there is no such file
FileIdentity identity_of(const std::filesystem::path& file);

/// Device and inode of the file whose mapping holds `address` in this process
/// (/proc/self/maps); zeros when it is no file's.
FileIdentity mapped_file(const void* address);

} // namespace octet
