#include "core/data/parallel.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace octet {
namespace {

constexpr int64_t kFirstShownMs = 1000;
constexpr int64_t kIntervalMs = 200;
constexpr int64_t kChunk = 32;

int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

} // namespace

WorkProgress::WorkProgress(std::string what, int64_t total)
    : what_(std::move(what)),
      total_(total),
      next_ms_(
          isatty(STDERR_FILENO) != 0 ? now_ms() + kFirstShownMs
                                     : std::numeric_limits<int64_t>::max()) {}

WorkProgress::~WorkProgress() {
  if (shown_) {
    std::fputs("\r\033[K", stderr);
  }
}

void WorkProgress::update(int64_t done) {
  if (now_ms() < next_ms_) {
    return;
  }
  next_ms_ = now_ms() + kIntervalMs;
  shown_ = true;
  std::fprintf(
      stderr,
      "\r\033[K%s: %lld of %lld",
      what_.c_str(),
      static_cast<long long>(done),
      static_cast<long long>(total_));
  std::fflush(stderr);
}

void for_each_parallel(
    int64_t count,
    int64_t threads,
    const std::string& what,
    const std::function<void(int64_t)>& work) {
  if (threads <= 0) {
    threads = std::max<int64_t>(1, std::thread::hardware_concurrency());
  }
  threads = std::clamp<int64_t>((count + kChunk - 1) / kChunk, 1, threads);

  WorkProgress progress(what, count);
  std::atomic<int64_t> next{0}, done{0};
  std::mutex mutex;
  std::exception_ptr error;
  int64_t error_index = std::numeric_limits<int64_t>::max();
  const auto run = [&](bool reports) {
    while (true) {
      const int64_t begin = next.fetch_add(kChunk);
      const int64_t end = std::min(begin + kChunk, count);
      for (int64_t i = begin; i < end; ++i) {
        try {
          work(i);
        } catch (...) {
          const std::lock_guard<std::mutex> lock(mutex);
          if (i < error_index) {
            error_index = i;
            error = std::current_exception();
          }
          // Chunks are handed out in order, so every lower index is already
          // with some thread.
          next = count;
          return;
        }
      }
      if (begin >= count) {
        return;
      }
      done += end - begin;
      if (reports) {
        progress.update(done);
      }
    }
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < threads; ++i) {
    others.emplace_back(run, false);
  }
  run(true);
  for (std::thread& thread : others) {
    thread.join();
  }
  if (error) {
    std::rethrow_exception(error);
  }
}

} // namespace octet
