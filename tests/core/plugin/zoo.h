// The fixture plugins that the build made, and folders to put copies into.
#pragma once

#include "core/plugin/catalog.h"

#include <filesystem>
#include <string>

namespace octet::zoo {

/// <build>/tests/plugins/<name>.so
std::filesystem::path file(const std::string& name);

/// The whole file as bytes.
std::string bytes_of(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);

/// Replaces every `from` by `to` (same length) in a file's bytes.
void patch(
    const std::filesystem::path& path,
    const std::string& from,
    const std::string& to);

/// A new folder that goes away with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const {
    return path_;
  }
  /// Copies a fixture into the folder. @returns the copy's path
  std::filesystem::path add(
      const std::string& fixture,
      const std::string& as = "");
  Catalog catalog() const;

 private:
  std::filesystem::path path_;
};

/// The message of the Error that `body` throws, or "" when it throws none.
template <typename Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

} // namespace octet::zoo
