// Layout, all numbers little-endian: magic, u64 size of the header, header
// (JSON), u32 length of each sample, i32 tokens of all samples, i32 labels of
// all samples, 64 hex digits: SHA-256 of everything before them.
#include "core/data/set_cache.h"

#include "core/base/sha256.h"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <limits>
#include <string_view>

namespace octet {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "OCTETDS1";
constexpr size_t kDigestSize = 64;

json notes_to_json(const std::vector<RecordNote>& notes) {
  json list = json::array();
  for (const RecordNote& entry : notes) {
    list.push_back({entry.line, entry.text});
  }
  return list;
}

std::vector<RecordNote> notes_from_json(const json& list) {
  std::vector<RecordNote> notes;
  for (const json& entry : list) {
    notes.push_back({entry.at(0).get<int64_t>(), entry.at(1)});
  }
  return notes;
}

template <typename T>
std::string_view bytes_of(const std::vector<T>& values) {
  return {
      reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

/// A file that is removed unless it was kept.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string path)
      : path_(std::move(path)), file_(mkstemp(path_.data())) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (file_ >= 0) {
      close(file_);
      unlink(path_.c_str());
    }
  }
  bool is_open() const {
    return file_ >= 0;
  }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(file_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  }
  bool keep_as(const std::filesystem::path& name) {
    if (fsync(file_) != 0 || fchmod(file_, 0644) != 0 ||
        rename(path_.c_str(), name.c_str()) != 0) {
      return false;
    }
    close(file_);
    file_ = -1;
    return true;
  }

 private:
  std::string path_;
  int file_;
};

/// Takes parts off the front of a text, with bounds checked.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  std::string_view take(uint64_t size) {
    if (size > bytes_.size()) {
      throw std::runtime_error("it ends too early");
    }
    const std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }
  template <typename T>
  std::vector<T> take_values(uint64_t count) {
    if (count > bytes_.size() / sizeof(T)) {
      throw std::runtime_error("it ends too early");
    }
    std::vector<T> values(count);
    const std::string_view part = take(count * sizeof(T));
    if (!part.empty()) {
      std::memcpy(values.data(), part.data(), part.size());
    }
    return values;
  }
  bool at_end() const {
    return bytes_.empty();
  }

 private:
  std::string_view bytes_;
};

TokenizedSet parse(std::string_view bytes, const std::string& key) {
  if (bytes.size() < kDigestSize ||
      sha256_hex(bytes.substr(0, bytes.size() - kDigestSize)) !=
          bytes.substr(bytes.size() - kDigestSize)) {
    throw std::runtime_error("its digest does not fit");
  }
  Reader reader(bytes.substr(0, bytes.size() - kDigestSize));
  if (reader.take(kMagic.size()) != kMagic) {
    throw std::runtime_error("it is not a cache file");
  }
  const uint64_t header_size = reader.take_values<uint64_t>(1)[0];
  const json header = json::parse(reader.take(header_size));
  TokenizedSet set;
  set.key = header.at("key");
  if (set.key != key) {
    throw std::runtime_error("it belongs to other data");
  }
  set.format = header.at("format");
  set.records = header.at("records");
  set.bad_records = header.at("bad_records");
  set.truncated = header.at("truncated");
  set.dropped = header.at("dropped");
  set.crossed = header.at("crossed");
  set.bad_notes = notes_from_json(header.at("bad_notes"));
  set.long_notes = notes_from_json(header.at("long_notes"));
  const auto lengths =
      reader.take_values<uint32_t>(header.at("samples").get<uint64_t>());
  set.samples.resize(lengths.size());
  for (size_t i = 0; i < lengths.size(); ++i) {
    set.samples[i].tokens = reader.take_values<int32_t>(lengths[i]);
  }
  for (size_t i = 0; i < lengths.size(); ++i) {
    set.samples[i].labels = reader.take_values<int32_t>(lengths[i]);
  }
  if (!reader.at_end()) {
    throw std::runtime_error("it goes on after its end");
  }
  set.from_cache = true;
  return set;
}

} // namespace

std::filesystem::path cache_file(
    const RunConfig& config,
    const std::string& key) {
  std::filesystem::path folder = config.data.cache;
  if (folder.empty()) {
    const char* cache = std::getenv("XDG_CACHE_HOME");
    const char* home = std::getenv("HOME");
    if (cache != nullptr && *cache == '/') {
      folder = std::filesystem::path(cache) / "octet" / "datasets";
    } else if (home != nullptr && *home != '\0') {
      folder = std::filesystem::path(home) / ".cache" / "octet" / "datasets";
    } else {
      return {};
    }
  }
  return folder / (key + ".tokens");
}

std::optional<TokenizedSet> read_cached_set(
    const std::filesystem::path& file,
    const std::string& key,
    std::string& why_not) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return std::nullopt;
  }
  const std::string bytes{
      std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  try {
    return parse(bytes, key);
  } catch (const std::exception& error) {
    why_not = file.string() + ": " + error.what();
    return std::nullopt;
  }
}

std::string write_cached_set(
    const std::filesystem::path& file,
    const TokenizedSet& set) {
  if (file.empty()) {
    return "the user has no home folder; set data.cache";
  }
  std::error_code error;
  std::filesystem::create_directories(file.parent_path(), error);
  if (error) {
    return file.parent_path().string() + ": " + error.message();
  }
  const std::string header =
      json{
          {"key", set.key},
          {"format", set.format},
          {"samples", set.samples.size()},
          {"records", set.records},
          {"bad_records", set.bad_records},
          {"truncated", set.truncated},
          {"dropped", set.dropped},
          {"crossed", set.crossed},
          {"bad_notes", notes_to_json(set.bad_notes)},
          {"long_notes", notes_to_json(set.long_notes)}}
          .dump(-1, ' ', false, json::error_handler_t::replace);
  std::vector<uint32_t> lengths;
  for (const Sample& sample : set.samples) {
    lengths.push_back(static_cast<uint32_t>(sample.tokens.size()));
  }

  TemporaryFile temporary(file.string() + ".XXXXXX");
  if (!temporary.is_open()) {
    return file.string() + ": " + std::strerror(errno);
  }
  Sha256 digest;
  std::string buffer;
  constexpr size_t kBuffer = size_t{1} << 20;
  bool good = true;
  const auto flush = [&] {
    digest.update(buffer);
    good = good && temporary.write(buffer);
    buffer.clear();
  };
  const auto put = [&](std::string_view bytes) {
    buffer += bytes;
    if (buffer.size() >= kBuffer) {
      flush();
    }
  };
  const uint64_t header_size = header.size();
  put(kMagic);
  put({reinterpret_cast<const char*>(&header_size), sizeof(header_size)});
  put(header);
  put(bytes_of(lengths));
  for (const Sample& sample : set.samples) {
    put(bytes_of(sample.tokens));
  }
  for (const Sample& sample : set.samples) {
    put(bytes_of(sample.labels));
  }
  flush();
  good = good && temporary.write(digest.hex()) && temporary.keep_as(file);
  return good ? "" : file.string() + ": " + std::strerror(errno);
}

} // namespace octet
