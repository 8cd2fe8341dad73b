// What the dynamic loader's complaints about Transformer Engine mean.
#pragma once

#include <string>

namespace octet::te {

/// @param complaint the text of dlerror()
/// @param library the file that was to be loaded
/// @returns what is wrong and which package to install, the complaint included
std::string explain_load_failure(
    const std::string& complaint,
    const std::string& library);

/// The PyPI package that holds a library: "nvidia-cublas" for
/// "libcublas.so.13"; empty when unknown.
std::string package_of(const std::string& soname);

/// The word after `marker` in a text: symbol and file names in complaints.
std::string word_after(const std::string& text, const std::string& marker);

} // namespace octet::te
