// The build fingerprint: everything that must be equal for a plugin's C++ to
// fit the trainer's. Host and plugins get it from this one file, as key=value
// lines; the host compares them before it loads a plugin.
//
// The compiler is not in it: g++ and clang++ builds mix well on this platform.
#pragma once

#include <octet/abi.h>

#include <torch/version.h>

#include <cstddef>

#define OCTET_DETAIL_TEXT_(x) #x
#define OCTET_DETAIL_TEXT(x) OCTET_DETAIL_TEXT_(x)

#if defined(__linux__) && defined(__x86_64__) && defined(__GLIBC__)
#define OCTET_FINGERPRINT_PLATFORM "linux-x86_64-glibc"
#else
#error "Octet runs on x86-64 Linux with glibc"
#endif

#if !defined(__GLIBCXX__)
#define OCTET_FINGERPRINT_STDLIB "libc++"
#elif defined(_GLIBCXX_DEBUG)
#define OCTET_FINGERPRINT_STDLIB "libstdc++-debug"
#else
#define OCTET_FINGERPRINT_STDLIB "libstdc++"
#endif

#if defined(_GLIBCXX_USE_CXX11_ABI)
#define OCTET_FINGERPRINT_CXX11_ABI OCTET_DETAIL_TEXT(_GLIBCXX_USE_CXX11_ABI)
#else
#define OCTET_FINGERPRINT_CXX11_ABI "none"
#endif

// The CUDA toolkit that LibTorch was built with: octet_add_plugin and Octet's
// own build set it (sdk/cmake/OctetPlugin.cmake).
#ifndef OCTET_CUDA_VERSION
#define OCTET_CUDA_VERSION "none"
#endif

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define OCTET_FINGERPRINT_SANITIZERS "address"
#elif __has_feature(thread_sanitizer)
#define OCTET_FINGERPRINT_SANITIZERS "thread"
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define OCTET_FINGERPRINT_SANITIZERS "address"
#elif defined(__SANITIZE_THREAD__)
#define OCTET_FINGERPRINT_SANITIZERS "thread"
#endif
#ifndef OCTET_FINGERPRINT_SANITIZERS
#define OCTET_FINGERPRINT_SANITIZERS "none"
#endif

/// One "key=value" a line, in this order.
#define OCTET_FINGERPRINT                    \
  "platform=" OCTET_FINGERPRINT_PLATFORM     \
  "\n"                                       \
  "libtorch=" TORCH_VERSION                  \
  "\n"                                       \
  "stdlib=" OCTET_FINGERPRINT_STDLIB         \
  "\n"                                       \
  "cxx11_abi=" OCTET_FINGERPRINT_CXX11_ABI   \
  "\n"                                       \
  "cuda=" OCTET_CUDA_VERSION                 \
  "\n"                                       \
  "sanitizers=" OCTET_FINGERPRINT_SANITIZERS \
  "\n"                                       \
  "sdk_abi=" OCTET_DETAIL_TEXT(OCTET_SDK_ABI) "\n"
