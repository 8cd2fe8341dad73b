// Decorators around what a plugin made. An exception out of any of its methods
// becomes a PluginFailure such as
//   [plugin te] forward of model.layers.3.mlp.up_proj failed: ...
// and a tensor of another shape or dtype than the SDK promises is refused where
// it comes from instead of failing somewhere in the core. Costs two stores and
// a comparison of sizes a call; nothing is copied.
#pragma once

#include <octet/feature.h>
#include <octet/precision.h>

#include <memory>
#include <string>

namespace octet {

/// The backend with everything it makes.
std::shared_ptr<PrecisionBackend> guarded(
    const std::string& plugin,
    std::shared_ptr<PrecisionBackend> backend);

/// The feature with everything it hands to the model editor.
std::shared_ptr<Feature> guarded(
    const std::string& plugin,
    std::shared_ptr<Feature> feature);

/// One Gemm; null stays null.
std::unique_ptr<Gemm> guarded(
    const std::string& plugin,
    const Site& site,
    std::unique_ptr<Gemm> gemm);

/// An op of one of the interfaces of <octet/ops.h>; any other stays as it is,
/// and so does null.
std::shared_ptr<Op> guarded(const std::string& plugin, std::shared_ptr<Op> op);

/// A tensor that a plugin returned, as the SDK promises it.
/// @param step "forward", for the message  @param site may be empty
/// @throws PluginFailure
void check_returned(
    const std::string& plugin,
    const char* step,
    const std::string& site,
    const at::Tensor& tensor,
    at::IntArrayRef shape,
    at::ScalarType dtype);

} // namespace octet
