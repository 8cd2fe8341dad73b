// What the checks of a precision backend share: sites that it accepts,
// operands, and the products that it is measured against.
// Shapes: M tokens, K inputs, N outputs.
#pragma once

#include "sdk/conformance/numbers.h"
#include "sdk/conformance/subject.h"

#include <string>
#include <vector>

namespace octet::conformance {

/// Linear sites of several shapes, three of which share an input.
std::vector<Site> linear_sites();
Site embedding_site();

StepContext training_context(int64_t step = 1, int64_t microbatch = 0);
StepContext evaluation_context();

/// Operands of one site, of values that the compute dtype holds exactly.
struct Operands {
  Operands(
      const Subject& subject,
      const Site& site,
      int64_t rows,
      uint64_t seed = 1);

  at::Tensor x, grad_y;
  TestWeight weight, frozen;

  /// Products in fp64.
  at::Tensor y() const;
  at::Tensor grad_x() const;
  at::Tensor grad_w() const;
  /// fp32 zeros [N, K].
  at::Tensor no_gradient() const;
};

/// A gemm and the backend that made it, which has no other gemm for that site:
/// as in a run.
struct Instance {
  std::shared_ptr<PrecisionBackend> backend;
  std::unique_ptr<Gemm> gemm;

  Gemm* operator->() const {
    return gemm.get();
  }
  Gemm& operator*() const {
    return *gemm;
  }
};

struct StepResult {
  at::Tensor y, grad_x, grad_w;
};

/// One step of one microbatch, with activations that grow so that a history
/// matters.
StepResult
train_step(const Instance& instance, const Operands& operands, int64_t step);

/// The first tensor that has other bits, or "".
std::string difference(const StepResult& a, const StepResult& b);

/// What a backend accepts, and how far its numbers are off.
class GemmBench {
 public:
  explicit GemmBench(const Subject& subject) : subject_(subject) {}

  /// Asks for every site; keeps the accepted ones. @returns a note
  std::string ask();

  const std::vector<Site>& sites() const {
    return sites_;
  }
  Instance make(const Site& site) const;
  /// Another gemm of a backend that has some already.
  static std::unique_ptr<Gemm> make(
      PrecisionBackend& backend,
      const Site& site);
  const Subject& subject() const {
    return subject_;
  }

  /// Fails unless the tensor has that shape and the compute dtype, and lies
  /// within the tolerance.
  void expect_close(
      const at::Tensor& found,
      const at::Tensor& expected,
      const std::string& what,
      const Site& site,
      int64_t rows) const;
  /// The largest relative error so far, as a note.
  std::string worst() const;

 private:
  const Subject& subject_;
  std::vector<Site> sites_;
  mutable double worst_ = 0;
};

class Recorder;

/// What has to do with time: recomputation, evaluation, state.
void check_gemm_state(GemmBench& bench, Recorder& recorder);

/// Rows of the activations: one, none of the tile sizes, a tile, more.
inline const std::vector<int64_t> kRows = {1, 7, 16, 33};

} // namespace octet::conformance
