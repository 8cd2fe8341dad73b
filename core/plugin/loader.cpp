// Opens plugins through Boost.DLL and calls their C entries. Whatever goes
// wrong becomes a Failure that names the plugin and its file.
#define BOOST_DLL_USE_STD_FS
#include "core/base/problems.h"
#include "core/plugin/loaded_plugin.h"
#include "core/plugin/pins.h"
#include "core/plugin/plugin_call.h"

#include <boost/dll/shared_library.hpp>

#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <utility>

namespace octet {

namespace {

template <size_t size>
std::string text_of(const char (&buffer)[size]) {
  return {buffer, ::strnlen(buffer, size)};
}

[[noreturn]] void refuse(const CatalogEntry& entry, const std::string& text) {
  throw Failure(
      ExitCode::resolution,
      "plugin " + entry.manifest.name,
      text + " (" + entry.path.string() + ")");
}

// The options as C structs; valid as long as the table and this object.
class OptionArray {
 public:
  explicit OptionArray(const OptionTable& table) {
    lists_.reserve(table.values.size());
    for (const auto& [key, option] : table.values) {
      items_.push_back(convert(key.c_str(), option.value));
    }
    options_ = {
        sizeof(OctetOptions),
        static_cast<uint32_t>(items_.size()),
        items_.data()};
  }

  const OctetOptions* get() const {
    return &options_;
  }

 private:
  OctetOption convert(
      const char* key,
      const decltype(OptionValue::value)& value) {
    OctetOption out{};
    out.key = key;
    out.type = static_cast<OctetOptionType>(value.index());
    if (const auto* flag = std::get_if<bool>(&value)) {
      out.integer = *flag ? 1 : 0;
    } else if (const auto* integer = std::get_if<int64_t>(&value)) {
      out.integer = *integer;
    } else if (const auto* real = std::get_if<double>(&value)) {
      out.real = *real;
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      out.string = text->c_str();
    } else {
      const auto& texts = std::get<std::vector<std::string>>(value);
      std::vector<const char*>& list = lists_.emplace_back();
      for (const std::string& text : texts) {
        list.push_back(text.c_str());
      }
      out.strings = list.data();
      out.string_count = static_cast<uint32_t>(list.size());
    }
    return out;
  }

  std::vector<std::vector<const char*>> lists_;
  std::vector<OctetOption> items_;
  OctetOptions options_{};
};

class DllPlugin : public LoadedPlugin {
 public:
  explicit DllPlugin(const CatalogEntry& entry)
      : entry_(entry),
        label_(entry.manifest.name + " (" + entry.path.string() + ")") {
    require_unchanged(entry_);
    watch_plugin_calls();
    boost::dll::shared_library& library = open();
    if (!library.has("octet_plugin")) {
      refuse(
          entry_,
          "expected the data symbol octet_plugin, found none; define it with "
          "OCTET_PRECISION_PLUGIN or OCTET_FEATURE_PLUGIN");
    }
    plugin_ = &library.get<const OctetPlugin>("octet_plugin");
    require_pinned_mapping(entry_, plugin_);
    check_descriptor();
  }

  const CatalogEntry& entry() const override {
    return entry_;
  }

  ProbeVerdict probe(const OptionTable& options) override {
    OctetProbe out{};
    const OptionArray array(options);
    call("probe", [&] {
      return plugin_->probe(&host_facts(), array.get(), &out);
    });
    return {out.usable != 0, text_of(out.reason)};
  }

  std::shared_ptr<PrecisionBackend> create_precision(
      const OptionTable& options) override {
    return create<PrecisionBackend>(
        options, OCTET_KIND_PRECISION, &OctetInterface::precision);
  }

  std::shared_ptr<Feature> create_feature(const OptionTable& options) override {
    return create<Feature>(
        options, OCTET_KIND_FEATURE, &OctetInterface::feature);
  }

 private:
  // Never closed, not even when the plugin is refused afterwards: statics of a
  // plugin and LibTorch's own end in an order that nobody controls.
  boost::dll::shared_library& open() const {
    static auto& opened = *new std::list<boost::dll::shared_library>;
    boost::dll::shared_library library;
    std::error_code error;
    const PluginCall call(place("its static constructors"));
    try {
      // rtld_now: with the default, an undefined symbol ends the run later.
      library.load(
          entry_.path,
          boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local,
          error);
    } catch (...) {
      refuse(
          entry_, "its static constructors threw: " + current_exception_text());
    }
    if (error) {
      const char* detail = ::dlerror();
      refuse(
          entry_,
          std::string("cannot be loaded: ") +
              (detail != nullptr ? detail : error.message().c_str()));
    }
    return opened.emplace_back(std::move(library));
  }

  void check_descriptor() const {
    if (plugin_->magic != OCTET_PLUGIN_MAGIC) {
      refuse(entry_, "its octet_plugin does not start with Octet's number");
    }
    if (plugin_->struct_size != sizeof(OctetPlugin)) {
      refuse(
          entry_,
          "expected an octet_plugin of " + std::to_string(sizeof(OctetPlugin)) +
              " bytes, found " + std::to_string(plugin_->struct_size));
    }
    if (plugin_->probe == nullptr || plugin_->create == nullptr ||
        plugin_->destroy == nullptr) {
      refuse(entry_, "its octet_plugin lacks probe, create or destroy");
    }
  }

  // The SDK's macro lets no exception out; a plugin without it may.
  template <typename Body>
  void call(const char* step, Body&& body) const {
    OctetStatus status{};
    const std::string failed = std::string(step) + " failed: ";
    const PluginCall call(place(step));
    try {
      status = body();
    } catch (...) {
      refuse(entry_, failed + current_exception_text());
    }
    if (status.code != OCTET_OK) {
      const std::string message = without_frames(text_of(status.message));
      refuse(entry_, failed + (message.empty() ? "without a reason" : message));
    }
  }

  template <typename Interface>
  std::shared_ptr<Interface> create(
      const OptionTable& options,
      uint32_t kind,
      void* OctetInterface::*which) {
    OctetInterface made{};
    const OptionArray array(options);
    call("create", [&] {
      return plugin_->create(&host_facts(), array.get(), &made);
    });
    const bool fits = made.magic == OCTET_PLUGIN_MAGIC && made.kind == kind &&
        made.*which != nullptr &&
        (made.precision == nullptr || made.feature == nullptr);
    if (!fits) {
      if (made.magic == OCTET_PLUGIN_MAGIC) {
        destroy(made);
      }
      refuse(
          entry_,
          "expected create to hand out a " +
              to_string(
                  kind == OCTET_KIND_PRECISION ? PluginKind::precision
                                               : PluginKind::feature) +
              " interface, found none or another one");
    }
    // Loaded plugins are never freed, so that `this` outlives what they made.
    return {
        static_cast<Interface*>(made.*which),
        [made, this](Interface*) mutable { destroy(made); }};
  }

  // An exception ends the program here, with the plugin's name.
  void destroy(OctetInterface& made) const noexcept {
    CallPlace end = place("destroy");
    end.code = ExitCode::failed;
    const PluginCall call(end);
    plugin_->destroy(&made);
  }

  CallPlace place(const char* step) const {
    return {label_.c_str(), step, "", ExitCode::resolution};
  }

  CatalogEntry entry_;
  /// Name and file, for a last line.
  std::string label_;
  const OctetPlugin* plugin_ = nullptr;
};

} // namespace

LoadedPlugin& load_plugin(const CatalogEntry& entry) {
  // Leaked, like the libraries themselves.
  static auto& registry =
      *new std::map<std::filesystem::path, std::unique_ptr<DllPlugin>>;
  static auto& guard = *new std::mutex;
  if (entry.status != PluginStatus::ready) {
    refuse(entry, "is not ready: " + entry.reason);
  }
  const std::lock_guard<std::mutex> lock(guard);
  std::unique_ptr<DllPlugin>& plugin = registry[entry.path];
  if (plugin == nullptr) {
    plugin = std::make_unique<DllPlugin>(entry);
  }
  return *plugin;
}

} // namespace octet
