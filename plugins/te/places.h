// Where libtransformer_engine.so and the NVIDIA libraries it needs may lie.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace octet::te {

/// The folders that Python packages are usually installed in, in the order
/// they are searched: the active virtual or conda environment, Octet's own
/// (tools/setup --te), the user's, the system's. Only those that exist.
std::vector<std::filesystem::path> site_package_folders();

/// The library within a site-packages folder, or an empty path. Three places,
/// as Transformer Engine itself looks.
std::filesystem::path library_in(const std::filesystem::path& site);

/// Folders with the NVIDIA wheels' libraries of the site-packages folder that
/// holds `library` (site/nvidia/*/lib), and its own folder.
std::vector<std::filesystem::path> companion_folders(
    const std::filesystem::path& library);

/// "2.20.2" from the *.dist-info of transformer_engine_cu* beside the library,
/// or of transformer_engine (as a build from source leaves it); empty when
/// there is neither.
std::string wheel_version(const std::filesystem::path& library);

} // namespace octet::te
