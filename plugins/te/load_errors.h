// What the complaints of the dynamic loader and of Transformer Engine mean.
#pragma once

#include <string>

namespace octet::te {

/// @param complaint the text of dlerror()
/// @param library the file that was to be loaded
/// @returns what is wrong and which package to install, the complaint included
std::string explain_load_failure(
    const std::string& complaint,
    const std::string& library);

/// What to do about the text of an exception out of a call: "; install ..." for
/// those whose cause is known, else empty.
std::string advice_for_call(const std::string& what);

/// The PyPI package that holds a library: "nvidia-cublas" for
/// "libcublas.so.13"; empty when unknown.
std::string package_of(const std::string& soname);

/// The word after `marker` in a text: symbol and file names in complaints.
std::string word_after(const std::string& text, const std::string& marker);

} // namespace octet::te
