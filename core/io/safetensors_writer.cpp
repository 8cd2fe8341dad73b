// Writing safetensors, in the order of the reference implementation: the same
// tensors give the same data.
#include "core/base/problems.h"
#include "core/io/safetensors.h"
#include "core/io/safetensors_header.h"
#include "core/io/stored_type.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>

namespace octet {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void misuse(const fs::path& path, const std::string& what) {
  throw Failure(
      ExitCode::failed, "safetensors", what + " (" + path.string() + ")");
}

size_t bytes_of(const fs::path& path, const TensorInfo& tensor) {
  const std::optional<size_t> bytes = stored_bytes(tensor.type, tensor.shape);
  if (!bytes || safetensors_dtype(tensor.type) == nullptr) {
    misuse(
        path,
        "expected a tensor that safetensors can hold, got " + tensor.name +
            " of type " + traits(tensor.type).name + " and shape " +
            shape_text(tensor.shape));
  }
  return *bytes;
}

} // namespace

SafetensorsWriter::SafetensorsWriter(
    const fs::path& path,
    const std::vector<TensorInfo>& tensors,
    const std::map<std::string, std::string>& metadata)
    : path_(path), file_(path) {
  std::vector<const TensorInfo*> order;
  for (const TensorInfo& tensor : tensors) {
    order.push_back(&tensor);
  }
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    const size_t a_rank = safetensors_rank(a->type);
    const size_t b_rank = safetensors_rank(b->type);
    return a_rank != b_rank ? a_rank < b_rank : a->name < b->name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) {
    header["__metadata__"] = metadata;
  }
  size_t offset = 0;
  for (const TensorInfo* tensor : order) {
    const size_t bytes = bytes_of(path, *tensor);
    if (!places_.emplace(tensor->name, Place{offset, bytes}).second) {
      misuse(
          path, "expected every tensor once, got " + tensor->name + " twice");
    }
    header[tensor->name] = {
        {"dtype", safetensors_dtype(tensor->type)},
        {"shape", tensor->shape},
        {"data_offsets", {offset, offset + bytes}}};
    offset += bytes;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  file_.write(0, std::as_bytes(std::span(&length, 1)));
  file_.write(sizeof(length), std::as_bytes(std::span(text)));
  for (auto& [name, place] : places_) {
    place.offset += sizeof(length) + text.size();
  }
}

void SafetensorsWriter::write(
    const std::string& name,
    std::span<const std::byte> bytes) {
  const auto place = places_.find(name);
  if (place == places_.end() || place->second.written) {
    misuse(
        path_,
        "expected each announced tensor once, got " + name +
            (place == places_.end() ? ", which is none of them" : " again"));
  }
  if (bytes.size() != place->second.bytes) {
    misuse(
        path_,
        "expected " + std::to_string(place->second.bytes) +
            " bytes of tensor " + name + ", got " +
            std::to_string(bytes.size()));
  }
  file_.write(place->second.offset, bytes);
  place->second.written = true;
}

void SafetensorsWriter::commit() {
  Problems problems;
  for (const auto& [name, place] : places_) {
    if (!place.written) {
      problems.add("expected tensor " + name + ", got nothing for it");
    }
  }
  problems.raise(
      ExitCode::failed, "safetensors", "cannot write " + path_.string());
  file_.commit();
}

ShardedSafetensorsWriter::ShardedSafetensorsWriter(
    const fs::path& folder,
    const std::vector<TensorInfo>& tensors,
    const std::map<std::string, std::string>& metadata,
    size_t shard_bytes) {
  std::vector<std::vector<TensorInfo>> shards(1);
  size_t filled = 0, total = 0;
  for (const TensorInfo& tensor : tensors) {
    const size_t bytes = bytes_of(folder, tensor);
    if (filled > 0 && bytes > shard_bytes - std::min(filled, shard_bytes)) {
      shards.emplace_back();
      filled = 0;
    }
    shard_of_[tensor.name] = shards.size() - 1;
    shards.back().push_back(tensor);
    filled += bytes;
    total += bytes;
  }
  nlohmann::json index;
  index["metadata"]["total_size"] = total;
  for (size_t i = 0; i < shards.size(); ++i) {
    std::string name = kSafetensorsFile;
    if (shards.size() > 1) {
      char text[64];
      std::snprintf(
          text,
          sizeof(text),
          "model-%05zu-of-%05zu.safetensors",
          i + 1,
          shards.size());
      name = text;
    }
    shards_.push_back(std::make_unique<SafetensorsWriter>(
        folder / name, shards[i], metadata));
    for (const TensorInfo& tensor : shards[i]) {
      index["weight_map"][tensor.name] = name;
    }
  }
  if (shards.size() > 1) {
    index_path_ = folder / kSafetensorsIndex;
    index_ = index.dump(2) + "\n";
  }
}

void ShardedSafetensorsWriter::write(
    const std::string& name,
    std::span<const std::byte> bytes) {
  const auto shard = shard_of_.find(name);
  // The first shard says what is wrong with an unknown name.
  shards_[shard == shard_of_.end() ? 0 : shard->second]->write(name, bytes);
}

void ShardedSafetensorsWriter::commit() {
  for (const auto& shard : shards_) {
    shard->commit();
  }
  if (!index_.empty()) {
    write_file_atomically(index_path_, index_);
  }
}

} // namespace octet
