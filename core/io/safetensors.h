// safetensors: reading (single files and sharded sets) and writing.
//
// A file is 8 bytes of header length (little-endian), a JSON header, and the
// tensors' bytes, which must cover the rest of the file without gap or overlap.
// Format: github.com/huggingface/safetensors
#pragma once

#include "core/io/atomic_file.h"
#include "core/io/tensor_file.h"

#include <cstddef>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace octet {

inline constexpr const char* kSafetensorsFile = "model.safetensors";
inline constexpr const char* kSafetensorsIndex = "model.safetensors.index.json";

/// Opens one file.
/// @throws Failure(input) saying what is wrong with the header, with the
/// tensor's name
std::unique_ptr<TensorFile> open_safetensors(const std::filesystem::path& path);

/// Opens a sharded set through its index (model.safetensors.index.json).
/// @throws Failure(input) with every missing shard, tensor that is not in the
/// shard the index names, and shard name that leaves the folder
std::unique_ptr<TensorFile> open_sharded_safetensors(
    const std::filesystem::path& index);

/// The string map under __metadata__; empty when there is none.
std::map<std::string, std::string> safetensors_metadata(
    const std::filesystem::path& path);

/// Writes one file atomically. The layout is fixed at the start, so tensors may
/// come in any order and only one at a time is in memory.
class SafetensorsWriter {
 public:
  /// @param tensors name, type and shape of each; `bytes` is computed
  /// @param metadata written as __metadata__; Hugging Face wants
  /// {"format": "pt"}
  /// @throws Failure(failed) when the file cannot be created
  SafetensorsWriter(
      const std::filesystem::path& path,
      const std::vector<TensorInfo>& tensors,
      const std::map<std::string, std::string>& metadata);

  /// @throws Failure(failed) for a full disk; Failure(failed) for a name that
  /// was not announced, came before, or has another size
  void write(const std::string& name, std::span<const std::byte> bytes);
  /// @throws Failure(failed) naming tensors that never came
  void commit();

 private:
  struct Place {
    size_t offset = 0, bytes = 0;
    bool written = false;
  };
  std::filesystem::path path_;
  AtomicFile file_;
  std::map<std::string, Place> places_;
};

/// Writes model.safetensors into a folder, or, when the tensors take more than
/// `shard_bytes`, numbered shards and their index.
class ShardedSafetensorsWriter {
 public:
  static constexpr size_t kShardBytes = 5'000'000'000;

  ShardedSafetensorsWriter(
      const std::filesystem::path& folder,
      const std::vector<TensorInfo>& tensors,
      const std::map<std::string, std::string>& metadata,
      size_t shard_bytes = kShardBytes);
  void write(const std::string& name, std::span<const std::byte> bytes);
  void commit();

 private:
  std::vector<std::unique_ptr<SafetensorsWriter>> shards_;
  std::map<std::string, size_t> shard_of_;
  std::filesystem::path index_path_;
  /// Empty when one file is enough.
  std::string index_;
};

} // namespace octet
