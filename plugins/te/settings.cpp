// Which options go with which recipe, and which recipe with which GPU.
#include "settings.h"

namespace octet::te {
namespace {

RecipeKind recipe_of(const std::string& name) {
  if (name == "current") {
    return RecipeKind::current;
  }
  if (name == "block") {
    return RecipeKind::block;
  }
  return name == "mxfp8" ? RecipeKind::mxfp8 : RecipeKind::delayed;
}

/// An option that the recipe would ignore is a mistake, not a detail.
void check_belongs(const Settings& settings) {
  const Settings defaults;
  if (settings.recipe == RecipeKind::delayed) {
    return;
  }
  std::string foreign;
  const auto name = [&](bool differs, const char* key) {
    if (differs) {
      foreign += (foreign.empty() ? "" : ", ") + std::string(key);
    }
  };
  name(
      settings.amax_history_len != defaults.amax_history_len,
      "amax_history_len");
  name(
      settings.amax_compute_algo != defaults.amax_compute_algo,
      "amax_compute_algo");
  name(settings.margin != defaults.margin, "margin");
  if (!foreign.empty()) {
    throw Error(
        "te",
        "expected only options of precision.te.recipe = \"" +
            std::string(to_string(settings.recipe)) + "\", found " + foreign +
            ", which belong to \"delayed\"; remove them, or set recipe = "
            "\"delayed\"");
  }
}

} // namespace

const char* to_string(RecipeKind recipe) {
  switch (recipe) {
    case RecipeKind::delayed:
      return "delayed";
    case RecipeKind::current:
      return "current";
    case RecipeKind::block:
      return "block";
    case RecipeKind::mxfp8:
      return "mxfp8";
  }
  return "";
}

Settings read_settings(const Options& options) {
  Settings settings;
  settings.library = options.string("library");
  settings.recipe = recipe_of(options.string("recipe"));
  settings.amax_history_len = options.integer("amax_history_len");
  settings.amax_compute_algo = options.string("amax_compute_algo");
  settings.margin = options.integer("margin");
  const std::string format = options.string("format");
  const bool fine_grained = settings.recipe == RecipeKind::block ||
      settings.recipe == RecipeKind::mxfp8;
  if (format == "E4M3" || (format == "auto" && fine_grained)) {
    settings.backward = abi::kFloat8E4M3;
  }
  check_belongs(settings);
  return settings;
}

std::string refuse_capability(RecipeKind recipe, unsigned capability) {
  const std::string found = "; this run's GPU has " +
      std::to_string(capability / 10) + "." + std::to_string(capability % 10);
  if (recipe == RecipeKind::block && capability / 10 != 9) {
    return "precision.te.recipe = \"block\" needs compute capability 9.x" +
        found +
        (capability >= 100 ? "; use recipe = \"mxfp8\" or \"current\" there"
                           : "; use recipe = \"current\" or \"delayed\" there");
  }
  if (recipe == RecipeKind::mxfp8 && capability / 10 != 10) {
    return "precision.te.recipe = \"mxfp8\" needs compute capability 10.x" +
        found + "; use recipe = \"current\" or \"delayed\" there";
  }
  return "";
}

} // namespace octet::te
