// Final norm, head and cross-entropy. Logits exist for a chunk of rows at a
// time and only for rows whose target counts.
#pragma once

#include "core/model/linear_site.h"
#include "core/ops/op_table.h"

#include <cstdint>
#include <vector>

namespace octet {

class Head {
 public:
  /// @param chunk_rows rows of logits that are computed at once
  Head(
      LinearSite& site,
      BaseTensor& norm,
      double eps,
      int64_t chunk_rows,
      OpTable& ops)
      : site_(site),
        norm_(norm),
        eps_(eps),
        chunk_rows_(chunk_rows),
        ops_(ops) {}

  struct Result {
    /// Sum over the targets that count.
    double loss = 0;
    int64_t targets = 0;
    /// [n, c]; undefined unless asked for.
    at::Tensor grad_x;
  };
  /// @param x [n, c]: output of the last block
  /// @param targets [n], kIgnoreTarget where not trained
  /// @param grad_scale factor of the loss sum in the gradients
  Result loss(
      const at::Tensor& x,
      const std::vector<int64_t>& targets,
      const StepContext& context,
      bool want_grad,
      double grad_scale);

  /// @param x [n, c]  @returns [n, v] in x's dtype
  at::Tensor logits(const at::Tensor& x, const StepContext& context);

 private:
  LinearSite& site_;
  BaseTensor& norm_;
  double eps_;
  int64_t chunk_rows_;
  OpTable& ops_;
};

} // namespace octet
