// An adapter folder: which plugin reads it, and which base model it belongs
// to. The plugin is found by the manifest key `adapter_format`.
#pragma once

#include "core/plugin/catalog.h"
#include "core/resolve/selection.h"

#include <octet/feature.h>

#include <filesystem>
#include <optional>

namespace octet {

struct AdapterSource {
  /// A Hugging Face folder or a .gguf file.
  std::filesystem::path base;
  /// The plugin with its default options.
  SelectedPlugin plugin;
  AdapterFiles files;
};

/// @param base the user's word for where the base model is
/// @throws Failure(input) when the adapter is damaged or its base is not there
/// @throws Failure(resolution) when no plugin reads its format
AdapterSource open_adapter(
    const std::filesystem::path& folder,
    const std::optional<std::filesystem::path>& base,
    const Catalog& catalog);

} // namespace octet
