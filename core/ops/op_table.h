// The table of ops: name -> implementation. It starts with plain ATen ops;
// features replace entries through the model editor.
#pragma once

#include <octet/ops.h>

#include <c10/core/Device.h>

#include <map>
#include <memory>
#include <string>

namespace octet {

class OpTable {
 public:
  /// The references on the CPU, on another device those of device.h.
  explicit OpTable(const at::Device& device = at::kCPU);

  /// @throws Error when `name` is unknown or `op` has another type
  void replace(const std::string& name, std::shared_ptr<Op> op);
  std::map<std::string, std::string> implementations() const;

  RmsNormOp& rms_norm() const {
    return *rms_norm_;
  }
  SwigluOp& swiglu() const {
    return *swiglu_;
  }
  RopeOp& rope() const {
    return *rope_;
  }
  AttentionOp& attention() const {
    return *attention_;
  }
  CrossEntropyOp& cross_entropy() const {
    return *cross_entropy_;
  }
  AdamwOp& adamw() const {
    return *adamw_;
  }

 private:
  std::shared_ptr<RmsNormOp> rms_norm_;
  std::shared_ptr<SwigluOp> swiglu_;
  std::shared_ptr<RopeOp> rope_;
  std::shared_ptr<AttentionOp> attention_;
  std::shared_ptr<CrossEntropyOp> cross_entropy_;
  std::shared_ptr<AdamwOp> adamw_;
};

} // namespace octet
