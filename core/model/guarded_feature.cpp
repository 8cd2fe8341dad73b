// Around a feature and what it hands to the model editor: adapters, transforms,
// ops and hooks.
#include "core/model/guarded.h"

#include "core/plugin/plugin_call.h"

namespace octet {
namespace {

/// Whose part it is and where it sits.
class Part {
 public:
  Part(std::string plugin, std::string site)
      : plugin_(std::move(plugin)), site_(std::move(site)) {}

  CallPlace at(const char* step) const {
    return {plugin_.c_str(), step, site_.c_str(), ExitCode::failed};
  }
  void check(
      const char* step,
      const at::Tensor& tensor,
      at::IntArrayRef shape,
      at::ScalarType dtype) const {
    check_returned(plugin_, step, site_, tensor, shape, dtype);
  }

 private:
  std::string plugin_, site_;
};

/// Shape and dtype that a matrix had before a plugin changed it in place.
class Shape {
 public:
  explicit Shape(const at::Tensor& matrix)
      : rows_(matrix.size(0)),
        columns_(matrix.size(1)),
        dtype_(matrix.scalar_type()) {}

  void check(const Part& part, const char* step, const at::Tensor& now) const {
    part.check(step, now, {rows_, columns_}, dtype_);
  }

 private:
  int64_t rows_, columns_;
  at::ScalarType dtype_;
};

class GuardedAdapter : public Adapter {
 public:
  GuardedAdapter(Part part, std::unique_ptr<Adapter> adapter)
      : part_(std::move(part)), adapter_(std::move(adapter)) {}

  void forward(
      const at::Tensor& x,
      at::Tensor& y,
      const StepContext& context,
      Saved* saved) override {
    const Shape before(y);
    call_plugin(part_.at("forward of the adapter"), [&] {
      adapter_->forward(x, y, context, saved);
    });
    before.check(part_, "forward of the adapter", y);
  }
  void backward(
      const at::Tensor& grad_y,
      at::Tensor& grad_x,
      const StepContext& context,
      Saved& saved) override {
    const bool wanted = grad_x.defined();
    const Shape before = wanted ? Shape(grad_x) : Shape(grad_y);
    call_plugin(part_.at("backward of the adapter"), [&] {
      adapter_->backward(grad_y, grad_x, context, saved);
    });
    if (wanted) {
      before.check(part_, "backward of the adapter", grad_x);
    }
  }
  at::Tensor delta() const override {
    return call_plugin(
        part_.at("delta of the adapter"), [&] { return adapter_->delta(); });
  }

 private:
  Part part_;
  std::unique_ptr<Adapter> adapter_;
};

class GuardedWeightTransform : public WeightTransform {
 public:
  GuardedWeightTransform(Part part, std::unique_ptr<WeightTransform> transform)
      : part_(std::move(part)), transform_(std::move(transform)) {}

  at::Tensor forward(const at::Tensor& w, const StepContext& context) override {
    constexpr const char* kStep = "forward of the weight transform";
    at::Tensor out = call_plugin(
        part_.at(kStep), [&] { return transform_->forward(w, context); });
    part_.check(kStep, out, w.sizes(), w.scalar_type());
    return out;
  }
  void backward(const at::Tensor& w, at::Tensor& grad) override {
    constexpr const char* kStep = "backward of the weight transform";
    const Shape before(grad);
    call_plugin(part_.at(kStep), [&] { transform_->backward(w, grad); });
    before.check(part_, kStep, grad);
  }

 private:
  Part part_;
  std::unique_ptr<WeightTransform> transform_;
};

class GuardedInputTransform : public InputTransform {
 public:
  GuardedInputTransform(Part part, std::unique_ptr<InputTransform> transform)
      : part_(std::move(part)), transform_(std::move(transform)) {}

  at::Tensor forward(
      const at::Tensor& x,
      const StepContext& context,
      Saved* saved) override {
    constexpr const char* kStep = "forward of the input transform";
    at::Tensor out = call_plugin(part_.at(kStep), [&] {
      return transform_->forward(x, context, saved);
    });
    part_.check(kStep, out, x.sizes(), x.scalar_type());
    return out;
  }
  at::Tensor backward(const at::Tensor& grad_y, Saved& saved) override {
    constexpr const char* kStep = "backward of the input transform";
    at::Tensor grad = call_plugin(
        part_.at(kStep), [&] { return transform_->backward(grad_y, saved); });
    part_.check(kStep, grad, grad_y.sizes(), grad_y.scalar_type());
    return grad;
  }

 private:
  Part part_;
  std::unique_ptr<InputTransform> transform_;
};

/// Guards what passes through to the core's own editor.
class GuardingEditor : public ModelEditor {
 public:
  GuardingEditor(std::string plugin, ModelEditor& editor)
      : plugin_(std::move(plugin)), editor_(editor) {}

  const std::vector<Site>& sites() const override {
    return editor_.sites();
  }
  const std::vector<Site>& planned_sites() const override {
    return editor_.planned_sites();
  }
  at::ScalarType compute_dtype() const override {
    return editor_.compute_dtype();
  }
  uint64_t seed() const override {
    return editor_.seed();
  }
  const WeightSource& weight(const std::string& site) const override {
    return editor_.weight(site);
  }
  Parameter& add_parameter(std::string name, at::Tensor initial, bool decay)
      override {
    return editor_.add_parameter(std::move(name), std::move(initial), decay);
  }

  void add_adapter(const std::string& site, std::unique_ptr<Adapter> adapter)
      override {
    editor_.add_adapter(
        site, wrap<GuardedAdapter>("an adapter", site, std::move(adapter)));
  }
  void set_weight_transform(
      const std::string& site,
      std::unique_ptr<WeightTransform> transform) override {
    editor_.set_weight_transform(
        site,
        wrap<GuardedWeightTransform>(
            "a weight transform", site, std::move(transform)));
  }
  void set_input_transform(
      const std::string& site,
      std::unique_ptr<InputTransform> transform) override {
    editor_.set_input_transform(
        site,
        wrap<GuardedInputTransform>(
            "an input transform", site, std::move(transform)));
  }
  void replace_op(const std::string& name, std::shared_ptr<Op> op) override {
    editor_.replace_op(name, guarded(plugin_, std::move(op)));
  }
  void on_step_end(std::function<void(const StepReport&)> hook) override {
    editor_.on_step_end(
        [plugin = plugin_, hook = std::move(hook)](const StepReport& report) {
          call_plugin({plugin.c_str(), "its hook at the end of a step"}, [&] {
            hook(report);
          });
        });
  }

 private:
  template <typename Guarded, typename Made>
  std::unique_ptr<Guarded> wrap(
      const char* what,
      const std::string& site,
      std::unique_ptr<Made> made) const {
    if (made == nullptr) {
      throw Error(
          "model",
          std::string("expected ") + what + " for " + site + ", found none");
    }
    return std::make_unique<Guarded>(Part(plugin_, site), std::move(made));
  }

  std::string plugin_;
  ModelEditor& editor_;
};

class GuardedFeature : public Feature {
 public:
  GuardedFeature(std::string plugin, std::shared_ptr<Feature> feature)
      : plugin_(std::move(plugin)), feature_(std::move(feature)) {}

  SiteVerdict accepts(const Site& site) const override {
    return call_plugin(
        {plugin_.c_str(), "accepts", site.name.c_str(), ExitCode::resolution},
        [&] { return feature_->accepts(site); });
  }
  void apply(ModelEditor& editor) override {
    GuardingEditor guarding(plugin_, editor);
    call_plugin({plugin_.c_str(), "apply", "", ExitCode::resolution}, [&] {
      feature_->apply(guarding);
    });
  }
  AdapterFiles export_adapter(const ExportContext& context) const override {
    return call_plugin(at("export_adapter"), [&] {
      return feature_->export_adapter(context);
    });
  }
  void import_adapter(const AdapterFiles& files) override {
    call_plugin(at("import_adapter"), [&] { feature_->import_adapter(files); });
  }
  State state() const override {
    return call_plugin(at("state"), [&] { return feature_->state(); });
  }
  void load(const State& state) override {
    call_plugin(at("load"), [&] { feature_->load(state); });
  }

 private:
  CallPlace at(const char* step) const {
    return {plugin_.c_str(), step, "", ExitCode::failed};
  }

  std::string plugin_;
  std::shared_ptr<Feature> feature_;
};

} // namespace

std::shared_ptr<Feature> guarded(
    const std::string& plugin,
    std::shared_ptr<Feature> feature) {
  return std::make_shared<GuardedFeature>(plugin, std::move(feature));
}

} // namespace octet
