// Calls into plugins. Whatever ends one is told with the plugin's name: an
// exception becomes a PluginFailure; an exit, a std::terminate or a fatal
// signal leaves a last line on stderr (`exit(0)` would otherwise look like
// success).
#pragma once

#include "core/base/problems.h"

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

namespace octet {

/// What is being called. The texts outlive the call.
struct CallPlace {
  const char* plugin = "";
  /// "forward", "probe", "its static constructors"
  const char* step = "";
  /// Where: a site's name, or "".
  const char* site = "";
  ExitCode code = ExitCode::failed;

  /// "forward of model.layers.3.mlp.up_proj"
  std::string text() const;
};

/// An error that came out of a plugin. An outer call lets it pass as it is.
class __attribute__((visibility("default"))) PluginFailure : public Failure {
 public:
  using Failure::Failure;
};

namespace detail {
extern std::atomic<const CallPlace*> current_call;
[[noreturn]] void rethrow_named(const CallPlace& place);
} // namespace detail

/// Marks that a plugin's code runs, in whatever thread; calls nest. Costs two
/// stores, so it can stand around every call.
class PluginCall {
 public:
  explicit PluginCall(const CallPlace& place) noexcept
      : place_(place),
        before_(detail::current_call.load(std::memory_order_relaxed)) {
    detail::current_call.store(&place_, std::memory_order_release);
  }
  ~PluginCall() {
    detail::current_call.store(before_, std::memory_order_release);
  }
  PluginCall(const PluginCall&) = delete;
  PluginCall& operator=(const PluginCall&) = delete;

 private:
  const CallPlace place_;
  const CallPlace* before_;
};

/// Runs `body`, which calls a plugin.
/// @throws PluginFailure "[plugin NAME] STEP of SITE failed: reason", with the
/// place's exit code unless the plugin passed a Failure of the core on
template <typename Body>
decltype(auto) call_plugin(const CallPlace& place, Body&& body) {
  const PluginCall call(place);
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    detail::rethrow_named(place);
  }
}

/// Text of the exception being handled, without LibTorch's list of frames.
std::string current_exception_text();
/// A what() of LibTorch ends with frames and addresses: the part before them.
std::string without_frames(const std::string& text);

/// From now on, exits and fatal signals within a PluginCall are told. Done once
/// by the loader, before any code of a plugin runs.
void watch_plugin_calls();
/// Where the last line goes instead of stderr.
void send_last_line_to(int descriptor);

/// Ends the program with the place's exit code when the object lives longer
/// than `limit`: a plugin that hangs cannot be stopped otherwise.
class CallLimit {
 public:
  CallLimit(const CallPlace& place, std::chrono::milliseconds limit);
  ~CallLimit();
  CallLimit(const CallLimit&) = delete;
  CallLimit& operator=(const CallLimit&) = delete;

 private:
  class Watch;
  std::unique_ptr<Watch> watch_;
};

} // namespace octet
