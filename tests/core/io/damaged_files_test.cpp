// Damaged files: whatever is cut off or flipped, a reader loads the file or
// throws a Failure, and never allocates more than about twice the file.
#include "core/io/gguf.h"
#include "core/io/safetensors.h"

#include "tests/core/io/io_testing.h"

#include <atomic>
#include <cstdlib>
#include <new>
#include <random>

#include <malloc.h>

namespace {

std::atomic<size_t> live_bytes = 0, most_bytes = 0;

void count(void* memory) {
  const size_t now = live_bytes += ::malloc_usable_size(memory);
  size_t most = most_bytes;
  while (now > most && !most_bytes.compare_exchange_weak(most, now)) {
  }
}

} // namespace

void* operator new(size_t size) {
  void* memory = std::malloc(size);
  if (!memory) {
    throw std::bad_alloc();
  }
  count(memory);
  return memory;
}

void operator delete(void* memory) noexcept {
  live_bytes -= ::malloc_usable_size(memory);
  std::free(memory);
}

void operator delete(void* memory, size_t) noexcept {
  operator delete(memory);
}

namespace octet {
namespace {

using testing::fixture;
using testing::get;
using testing::put;
using testing::TempFolder;

/// What a small file may cost beside its own size: messages, streams.
constexpr size_t kConstant = size_t{256} << 10;

/// Opens the file and reads every tensor.
void read_all(const std::filesystem::path& path) {
  std::shared_ptr<const TensorFile> file;
  if (path.extension() == ".gguf") {
    file = GgufFile::open(path);
  } else {
    file = open_safetensors(path);
  }
  for (const auto& [name, info] : file->tensors()) {
    std::vector<std::byte> bytes(info.bytes);
    file->read(name, bytes);
  }
}

/// @returns whether it loaded; anything but a Failure fails the test
bool survives(const std::filesystem::path& path, const std::string& content) {
  put(path, content);
  const size_t before = live_bytes;
  most_bytes = before;
  bool loaded = true;
  try {
    read_all(path);
  } catch (const Failure&) {
    loaded = false;
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not a Failure: " << error.what();
  }
  EXPECT_LE(most_bytes - before, 2 * content.size() + kConstant);
  return loaded;
}

class DamagedFiles : public ::testing::TestWithParam<const char*> {
 protected:
  std::string content_ = get(fixture(GetParam()));
  TempFolder folder_;
  std::filesystem::path path_ =
      folder_ / ("x" + std::filesystem::path(GetParam()).extension().string());
};

TEST_P(DamagedFiles, LoadOnlyWhole) {
  EXPECT_TRUE(survives(path_, content_));
  for (size_t length = 0; length < content_.size(); ++length) {
    EXPECT_FALSE(survives(path_, content_.substr(0, length))) << length;
  }
}

TEST_P(DamagedFiles, WithFlippedBitsLoadOrThrow) {
  std::mt19937 random(11);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = content_;
    for (int flips = 1 + round % 4; flips > 0; --flips) {
      damaged[random() % damaged.size()] ^=
          static_cast<char>(1u << (random() % 8));
    }
    survives(path_, damaged);
  }
}

TEST_P(DamagedFiles, WithBytesSetToExtremesLoadOrThrow) {
  std::mt19937 random(13);
  for (int round = 0; round < 1000; ++round) {
    std::string damaged = content_;
    const size_t length = 1 + random() % 8;
    const size_t at = random() % (damaged.size() - length);
    damaged.replace(at, length, length, round % 2 == 0 ? '\xff' : '\0');
    survives(path_, damaged);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Both,
    DamagedFiles,
    ::testing::Values("io/tiny.safetensors", "io/tiny.gguf"),
    [](const auto& info) {
      return std::filesystem::path(info.param).extension().string().substr(1);
    });

TEST(DamagedHeaders, DoNotCostMoreThanTheirFile) {
  const TempFolder folder;
  std::string header = "{\"a\":" + std::string(1'000'000, '[');
  const uint64_t length = header.size();
  survives(
      folder / "x.safetensors",
      std::string(reinterpret_cast<const char*>(&length), 8) + header);
  // The reader holds the header, so the count must have seen it.
  EXPECT_GT(most_bytes.load(), header.size());
}

} // namespace
} // namespace octet
