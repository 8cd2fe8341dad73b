// How fast this machine multiplies matrices, and the bound that sets on
// training: the time of a LoRA step's large GEMMs alone (forward and the
// gradient of the input; frozen weights have no gradient of their own), as if
// attention, norms, LoRA and everything else cost nothing.
//
// Usage: gemm_speed [threads]   Prints one JSON object. tools/bench reads it.
// Shapes: SmolLM2-135M at 2 x 512 tokens.
#include <ATen/core/Tensor.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/randn.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

struct Shape {
  const char* name;
  int64_t n, k; ///< weight [n, k]
  int per_step; ///< how many such GEMMs the model has
};

constexpr int64_t kStepTokens = 1024;
/// A CPU without bf16 instructions would need minutes for the full size.
constexpr int64_t kSlowTokens = 64;
constexpr double kSlowFlops = 5e9;
constexpr int kLayers = 30;
constexpr Shape kShapes[] = {
    {"q_proj and o_proj", 576, 576, 2 * kLayers},
    {"k_proj and v_proj", 192, 576, 2 * kLayers},
    {"gate_proj and up_proj", 1536, 576, 2 * kLayers},
    {"down_proj", 576, 1536, kLayers},
    {"head", 49152, 576, 1},
};

double seconds_now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// The fastest of several calls: other programs only ever make one slower.
template <class Call>
double fastest_seconds(Call call) {
  double best = 1e9;
  const double end = seconds_now() + 0.5;
  do {
    const double start = seconds_now();
    call();
    best = std::min(best, seconds_now() - start);
  } while (seconds_now() < end);
  return best;
}

struct Speed {
  double forward_seconds = 0, backward_seconds = 0, flops = 0;
};

Speed measure(const Shape& shape, int64_t tokens, at::ScalarType type) {
  const at::Tensor x = at::randn({tokens, shape.k}).to(type);
  const at::Tensor w = at::randn({shape.n, shape.k}).to(type);
  const at::Tensor grad_y = at::randn({tokens, shape.n}).to(type);
  Speed speed;
  speed.forward_seconds = fastest_seconds([&] { at::linear(x, w); });
  speed.backward_seconds = fastest_seconds([&] { at::mm(grad_y, w); });
  speed.flops = 2.0 * static_cast<double>(tokens * shape.n * shape.k);
  return speed;
}

void report(at::ScalarType type, const char* type_name) {
  const Speed probe = measure(kShapes[0], kSlowTokens, type);
  const bool slow = probe.flops / probe.backward_seconds < kSlowFlops;
  const int64_t tokens = slow ? kSlowTokens : kStepTokens;
  double seconds = 0, flops = 0;
  std::printf("  \"%s\": {\n", type_name);
  for (const Shape& shape : kShapes) {
    const Speed speed = measure(shape, tokens, type);
    seconds +=
        (speed.forward_seconds + speed.backward_seconds) * shape.per_step;
    flops += 2 * speed.flops * shape.per_step;
    std::printf(
        "    \"%s\": {\"forward_gflops\": %.1f, \"backward_gflops\": %.1f},\n",
        shape.name,
        speed.flops / speed.forward_seconds / 1e9,
        speed.flops / speed.backward_seconds / 1e9);
  }
  std::printf(
      "    \"tokens\": %d,\n    \"gflops\": %.1f,\n"
      "    \"bound_tokens_per_second\": %.1f\n  }",
      static_cast<int>(tokens),
      flops / seconds / 1e9,
      static_cast<double>(tokens) / seconds);
}

} // namespace

int main(int argc, char** argv) {
  if (argc > 1) {
    at::set_num_threads(std::atoi(argv[1]));
  }
  std::printf("{\n  \"threads\": %d,\n", at::get_num_threads());
  report(at::kFloat, "fp32");
  std::printf(",\n");
  report(at::kBFloat16, "bf16");
  std::printf("\n}\n");
}
