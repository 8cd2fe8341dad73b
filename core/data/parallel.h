// Work on many records in threads; the results stand in the order of the
// records, whatever thread made them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace octet {

/// A line on stderr that counts up, for work that takes long. Silent when
/// stderr is not a terminal.
class WorkProgress {
 public:
  WorkProgress(std::string what, int64_t total);
  ~WorkProgress();
  WorkProgress(const WorkProgress&) = delete;
  WorkProgress& operator=(const WorkProgress&) = delete;
  /// Called from one thread.
  void update(int64_t done);

 private:
  std::string what_;
  int64_t total_;
  int64_t next_ms_;
  bool shown_ = false;
};

/// Calls work(i) for each i in [0, count).
/// @param threads 0 = as many as the machine has
/// @throws what the call with the lowest index threw
void for_each_parallel(
    int64_t count,
    int64_t threads,
    const std::string& what,
    const std::function<void(int64_t)>& work);

} // namespace octet
