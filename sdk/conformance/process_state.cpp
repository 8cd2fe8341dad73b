// See the header.
#include "sdk/conformance/process_state.h"

#include "core/base/problems.h"
#include "sdk/conformance/check.h"

#include <ATen/Parallel.h>

#include <unistd.h>
#include <xmmintrin.h>

#include <cfenv>

namespace octet::conformance {

ProcessState process_state() {
  ProcessState state;
  for (char** item = environ; *item != nullptr; ++item) {
    const std::string text = *item;
    const size_t equals = text.find('=');
    state.environment[text.substr(0, equals)] =
        equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  state.folder = std::filesystem::current_path();
  state.rounding = std::fegetround();
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x40;
  state.denormals = _mm_getcsr() & (kFlushToZero | kDenormalsAreZero);
  state.threads = at::get_num_threads();
  return state;
}

void expect_unchanged(const ProcessState& before, const ProcessState& after) {
  std::vector<std::string> changed;
  for (const auto& [name, value] : after.environment) {
    const auto found = before.environment.find(name);
    if (found == before.environment.end() || found->second != value) {
      changed.push_back("the environment's " + name);
    }
  }
  for (const auto& [name, value] : before.environment) {
    if (!after.environment.contains(name)) {
      changed.push_back("the environment's " + name);
    }
  }
  if (before.folder != after.folder) {
    changed.emplace_back("the current folder");
  }
  if (before.rounding != after.rounding) {
    changed.emplace_back("the rounding mode");
  }
  if (before.denormals != after.denormals) {
    changed.emplace_back("the handling of denormal numbers");
  }
  if (before.threads != after.threads) {
    changed.emplace_back("the number of threads");
  }
  expect(changed.empty(), "it changed " + join_names(changed));
}

} // namespace octet::conformance
