// Around a precision backend and its Gemms.
#include "core/model/guarded.h"

#include "core/plugin/plugin_call.h"

#include <c10/core/ScalarType.h>

namespace octet {
namespace {

std::string described(at::IntArrayRef shape, at::ScalarType dtype) {
  std::string text = std::string(c10::toString(dtype)) + " [";
  for (size_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + "]";
}

class GuardedGemm : public Gemm {
 public:
  GuardedGemm(std::string plugin, const Site& site, std::unique_ptr<Gemm> gemm)
      : plugin_(std::move(plugin)), site_(site), gemm_(std::move(gemm)) {}

  at::Tensor forward(
      const Activation& x,
      const WeightSource& w,
      const StepContext& context,
      Saved* saved) override {
    at::Tensor y = call_plugin(
        at("forward"), [&] { return gemm_->forward(x, w, context, saved); });
    check_returned(
        plugin_,
        "forward",
        site_.name,
        y,
        {x.value.size(0), site_.out_features},
        x.value.scalar_type());
    return y;
  }

  at::Tensor backward(
      const at::Tensor& grad_y,
      Saved& saved,
      const WeightSource& w,
      const StepContext& context,
      const GradRequest& want) override {
    at::Tensor grad_x = call_plugin(at("backward"), [&] {
      return gemm_->backward(grad_y, saved, w, context, want);
    });
    if (want.input) {
      check_returned(
          plugin_,
          "backward",
          site_.name,
          grad_x,
          {grad_y.size(0), site_.in_features},
          grad_y.scalar_type());
    }
    return grad_x;
  }

  State state() const override {
    return call_plugin(at("state"), [&] { return gemm_->state(); });
  }
  void load(const State& state) override {
    call_plugin(at("load"), [&] { gemm_->load(state); });
  }
  std::vector<CastStatistics> statistics() const override {
    return call_plugin(at("statistics"), [&] { return gemm_->statistics(); });
  }

 private:
  CallPlace at(const char* step) const {
    return {plugin_.c_str(), step, site_.name.c_str(), ExitCode::failed};
  }

  std::string plugin_;
  Site site_;
  std::unique_ptr<Gemm> gemm_;
};

class GuardedBackend : public PrecisionBackend {
 public:
  GuardedBackend(std::string plugin, std::shared_ptr<PrecisionBackend> backend)
      : plugin_(std::move(plugin)), backend_(std::move(backend)) {}

  SiteVerdict accepts(const Site& site) const override {
    return call_plugin(at("accepts", site, ExitCode::resolution), [&] {
      return backend_->accepts(site);
    });
  }
  std::unique_ptr<Gemm> make_gemm(const Site& site) override {
    return guarded(
        plugin_,
        site,
        call_plugin(at("make_gemm", site, ExitCode::resolution), [&] {
          return backend_->make_gemm(site);
        }));
  }
  void use_collective(Collective& collective) override {
    call_plugin(
        at("use_collective"), [&] { backend_->use_collective(collective); });
  }
  void end_microbatch(const StepContext& context) override {
    call_plugin(
        at("end_microbatch"), [&] { backend_->end_microbatch(context); });
  }
  void end_step(const StepContext& context) override {
    call_plugin(at("end_step"), [&] { backend_->end_step(context); });
  }

 private:
  CallPlace at(const char* step) const {
    return {plugin_.c_str(), step, "", ExitCode::failed};
  }
  CallPlace at(const char* step, const Site& site, ExitCode code) const {
    return {plugin_.c_str(), step, site.name.c_str(), code};
  }

  std::string plugin_;
  std::shared_ptr<PrecisionBackend> backend_;
};

} // namespace

void check_returned(
    const std::string& plugin,
    const char* step,
    const std::string& site,
    const at::Tensor& tensor,
    at::IntArrayRef shape,
    at::ScalarType dtype) {
  if (tensor.defined() && tensor.sizes() == shape &&
      tensor.scalar_type() == dtype) {
    return;
  }
  const CallPlace place{plugin.c_str(), step, site.c_str(), ExitCode::failed};
  throw PluginFailure(
      ExitCode::failed,
      "plugin " + plugin,
      place.text() + " returned " +
          (tensor.defined() ? described(tensor.sizes(), tensor.scalar_type())
                            : "an undefined tensor") +
          ", expected " + described(shape, dtype));
}

std::unique_ptr<Gemm> guarded(
    const std::string& plugin,
    const Site& site,
    std::unique_ptr<Gemm> gemm) {
  return gemm == nullptr
      ? nullptr
      : std::make_unique<GuardedGemm>(plugin, site, std::move(gemm));
}

std::shared_ptr<PrecisionBackend> guarded(
    const std::string& plugin,
    std::shared_ptr<PrecisionBackend> backend) {
  return std::make_shared<GuardedBackend>(plugin, std::move(backend));
}

} // namespace octet
