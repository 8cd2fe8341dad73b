// Opening safetensors files and sharded sets. A shard is named by a file that
// came from elsewhere, so its name must not lead out of the folder.
#include "core/io/safetensors.h"

#include "core/base/problems.h"
#include "core/io/input_file.h"
#include "core/io/raise_about.h"
#include "core/io/safetensors_header.h"

#include <cstring>

namespace octet {

namespace fs = std::filesystem;

namespace {

// As the reference implementation limits it.
constexpr uint64_t kMaxHeader = 100'000'000;

[[noreturn]] void no_such_tensor(
    const std::string& name,
    const std::string& origin) {
  throw Failure(
      ExitCode::input,
      "safetensors",
      "expected tensor " + name + " in " + origin +
          ", found none of that name");
}

class SafetensorsFile : public TensorFile {
 public:
  explicit SafetensorsFile(const fs::path& path) : file_(path, "safetensors") {
    const std::string origin = path.string();
    const auto fail = [&](const std::string& what) {
      throw Failure(ExitCode::input, "safetensors", what + " (" + origin + ")");
    };
    uint64_t length = 0;
    if (file_.size() < sizeof(length)) {
      fail(
          "expected at least 8 bytes, found " + std::to_string(file_.size()) +
          "; the file is cut off: fetch it again");
    }
    file_.read(0, std::as_writable_bytes(std::span(&length, 1)));
    const size_t left = file_.size() - sizeof(length);
    if (length > kMaxHeader) {
      fail(
          "expected a header of at most 100,000,000 bytes, found a length of " +
          std::to_string(length) + "; this is no safetensors file");
    }
    if (length > left) {
      fail(
          "expected a header of " + std::to_string(length) + " bytes, found " +
          std::to_string(left) + "; the file is cut off: fetch it again");
    }
    std::string text(length, '\0');
    file_.read(sizeof(length), std::as_writable_bytes(std::span(text)));
    header_ = parse_safetensors_header(text, left - length, origin);
    data_ = sizeof(length) + length;
  }

  const std::map<std::string, TensorInfo>& tensors() const override {
    return header_.tensors;
  }
  const std::map<std::string, std::string>& metadata() const {
    return header_.metadata;
  }

  void read(const std::string& name, size_t offset, std::span<std::byte> out)
      const override {
    const auto info = header_.tensors.find(name);
    if (info == header_.tensors.end()) {
      no_such_tensor(name, file_.path().string());
    }
    const size_t bytes = info->second.bytes;
    if (offset > bytes || out.size() > bytes - offset) {
      throw Failure(
          ExitCode::failed,
          "safetensors",
          "expected a range within the " + std::to_string(bytes) +
              " bytes of tensor " + name + ", got " +
              std::to_string(out.size()) + " bytes at " +
              std::to_string(offset));
    }
    file_.read(data_ + header_.offsets.at(name) + offset, out);
  }

 private:
  InputFile file_;
  SafetensorsHeader header_;
  size_t data_ = 0;
};

class ShardedSafetensors : public TensorFile {
 public:
  ShardedSafetensors(
      const fs::path& index,
      const std::map<std::string, std::string>& map)
      : origin_(index.string()) {
    Problems problems;
    std::map<std::string, size_t> shards;
    for (const auto& [tensor, shard] : map) {
      if (shards.contains(shard)) {
        continue;
      }
      shards[shard] = files_.size();
      open_shard(index, shard, problems);
    }
    for (const auto& [tensor, shard] : map) {
      const size_t number = shards.at(shard);
      if (!files_[number]) {
        continue;
      }
      const auto info = files_[number]->tensors().find(tensor);
      if (info == files_[number]->tensors().end()) {
        problems.add(
            "expected tensor " + tensor + " in " + shard +
            ", where the index has it; it is not there");
        continue;
      }
      tensors_[tensor] = info->second;
      shard_of_[tensor] = number;
    }
    for (const auto& [shard, number] : shards) {
      if (files_[number]) {
        check_indexed(shard, *files_[number], problems);
      }
    }
    raise_about(problems, "safetensors", "cannot read " + origin_);
  }

  const std::map<std::string, TensorInfo>& tensors() const override {
    return tensors_;
  }
  void read(const std::string& name, size_t offset, std::span<std::byte> out)
      const override {
    const auto shard = shard_of_.find(name);
    if (shard == shard_of_.end()) {
      no_such_tensor(name, origin_);
    }
    files_[shard->second]->read(name, offset, out);
  }

 private:
  void open_shard(
      const fs::path& index,
      const std::string& shard,
      Problems& problems) {
    files_.emplace_back();
    const fs::path name(shard);
    // A plain file name cannot lead out of the folder.
    if (!name.has_filename() || name.has_parent_path() || shard == "." ||
        shard == ".." || shard.find('\0') != std::string::npos) {
      problems.add(
          "expected plain file names as shards, found \"" + shard +
          "\", which leaves the folder");
      return;
    }
    const fs::path path = index.parent_path() / name;
    if (std::error_code error; !fs::exists(path, error)) {
      problems.add(
          "expected shard " + shard + " beside " + origin_ +
          ", found none; fetch it");
      return;
    }
    try {
      files_.back() = std::make_unique<SafetensorsFile>(path);
    } catch (const Failure& failure) {
      problems.add(failure.message());
    }
  }

  void check_indexed(
      const std::string& shard,
      const TensorFile& file,
      Problems& problems) {
    for (const auto& [tensor, info] : file.tensors()) {
      if (!tensors_.contains(tensor)) {
        problems.add(
            "expected every tensor of " + shard + " in the index, found " +
            tensor + " in none of its entries");
      }
    }
  }

  std::string origin_;
  std::vector<std::unique_ptr<TensorFile>> files_;
  std::map<std::string, TensorInfo> tensors_;
  std::map<std::string, size_t> shard_of_;
};

} // namespace

std::unique_ptr<TensorFile> open_safetensors(const fs::path& path) {
  return std::make_unique<SafetensorsFile>(path);
}

std::unique_ptr<TensorFile> open_sharded_safetensors(const fs::path& index) {
  return std::make_unique<ShardedSafetensors>(
      index, read_safetensors_index(index));
}

std::map<std::string, std::string> safetensors_metadata(const fs::path& path) {
  return SafetensorsFile(path).metadata();
}

} // namespace octet
