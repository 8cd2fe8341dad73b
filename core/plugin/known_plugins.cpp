// Reads the list; see the header.
#include "core/plugin/known_plugins.h"

#include "core/base/problems.h"

#include <nlohmann/json.hpp>

#include <fstream>

namespace octet {

std::vector<KnownPlugin> read_known_plugins(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) {
    return {};
  }
  try {
    std::vector<KnownPlugin> known;
    for (const auto& item : nlohmann::json::parse(stream)) {
      known.push_back(
          {item.at("name"),
           item.at("kind") == "precision" ? PluginKind::precision
                                          : PluginKind::feature,
           item.at("summary"),
           item.at("source")});
    }
    return known;
  } catch (const nlohmann::json::exception& error) {
    throw Failure(
        ExitCode::failed,
        "plugins",
        "expected Octet's list of its plugins, found something else (" +
            file.string() + "): " + error.what() + "; install Octet again");
  }
}

std::string how_to_get(const KnownPlugin& plugin) {
  return "plugin " + plugin.name +
      " is not installed here; it belongs to Octet and is built from " +
      plugin.source + " (`ninja -C build " + plugin.name +
      "_plugin` in Octet's source tree; tools/setup says what is missing for "
      "it)";
}

} // namespace octet
