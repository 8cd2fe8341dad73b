// The C boundary between the trainer and a plugin: one data symbol,
// `octet_plugin`, with three entry points. No STL and no LibTorch in it.
#pragma once

#include <octet/abi.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// First number of a descriptor and of an interface.
#define OCTET_PLUGIN_MAGIC 0x4f435445u /* "OCTE" */

/// How a call went.
typedef enum OctetCode { OCTET_OK = 0, OCTET_FAILED = 1 } OctetCode;

/// What an entry point returns; `message` is empty when code is OCTET_OK.
typedef struct OctetStatus {
  /// An OctetCode.
  uint32_t code;
  /// Why it failed, UTF-8, with its end in the array.
  char message[1020];
} OctetStatus;

/// Facts of the machine that a probe may rely on.
typedef struct OctetHost {
  /// sizeof(OctetHost).
  uint32_t struct_size;
  /// CUDA devices as the driver counts them.
  uint32_t cuda_device_count;
  /// Compute capability of the run's GPU: 10 * major + minor; 0 without one.
  uint32_t cuda_capability;
  /// @{ Whether the CPU has these instruction sets.
  uint32_t cpu_avx2, cpu_avx512f, cpu_avx512_bf16, cpu_amx_bf16;
  /// @}
  /// CUDA that the driver can run: 1000 * major + 10 * minor; 0 without one.
  uint32_t cuda_driver_version;
  /// Bytes of the run's GPU; of the first one when the run uses none; 0 without
  /// any.
  uint64_t cuda_memory;
  /// Its name, UTF-8; empty without a GPU.
  char cuda_name[64];
  /// Log a line under the plugin's name; level 0 debug, 1 info, 2 warning.
  void (*log)(int level, const char* plugin, const char* message);
} OctetHost;

/// A plugin's own cheap verdict on this machine.
typedef struct OctetProbe {
  /// 0 or 1.
  uint32_t usable;
  /// Why not, or what the user should know ("AVX2 only: bf16 GEMMs are
  /// emulated"). UTF-8.
  char reason[508];
} OctetProbe;

/// Type of an option, as the manifest declares it.
typedef enum OctetOptionType {
  OCTET_OPTION_BOOLEAN = 0, /* integer: 0 or 1 */
  OCTET_OPTION_INTEGER = 1,
  OCTET_OPTION_REAL = 2,
  OCTET_OPTION_STRING = 3,
  OCTET_OPTION_STRINGS = 4
} OctetOptionType;

/// One option with its value in the member of its type.
typedef struct OctetOption {
  /// Name in the manifest.
  const char* key;
  /// Which of the values below counts.
  OctetOptionType type;
  /// OCTET_OPTION_INTEGER; OCTET_OPTION_BOOLEAN: 0 or 1.
  int64_t integer;
  /// OCTET_OPTION_REAL.
  double real;
  /// OCTET_OPTION_STRING, UTF-8.
  const char* string;
  /// OCTET_OPTION_STRINGS: string_count texts.
  const char* const* strings;
  /// Texts in strings.
  uint32_t string_count;
} OctetOption;

/// All options of the manifest, valid during the call.
typedef struct OctetOptions {
  /// sizeof(OctetOptions).
  uint32_t struct_size;
  /// Options in items.
  uint32_t count;
  /// In no particular order.
  const OctetOption* items;
} OctetOptions;

/// Kind of a plugin.
typedef enum OctetKind {
  OCTET_KIND_PRECISION = 1,
  OCTET_KIND_FEATURE = 2
} OctetKind;

/// What create hands out: exactly one of the two pointers is set, to an
/// octet::PrecisionBackend or an octet::Feature.
typedef struct OctetInterface {
  /// OCTET_PLUGIN_MAGIC.
  uint32_t magic;
  /// An OctetKind.
  uint32_t kind;
  /// An octet::PrecisionBackend, or null.
  void* precision;
  /// An octet::Feature, or null.
  void* feature;
} OctetInterface;

/// The descriptor: what the symbol `octet_plugin` is.
typedef struct OctetPlugin {
  /// OCTET_PLUGIN_MAGIC.
  uint32_t magic;
  /// sizeof(OctetPlugin).
  uint32_t struct_size;
  /// No tensors, no side effects. The options are those that create would get.
  OctetStatus (*probe)(const OctetHost*, const OctetOptions*, OctetProbe* out);
  /// Makes an instance; called as often as the host likes.
  OctetStatus (
      *create)(const OctetHost*, const OctetOptions*, OctetInterface* out);
  /// Ends what create made; sets both pointers to null.
  void (*destroy)(OctetInterface*);
} OctetPlugin;

/// Marks the one symbol that a plugin exports: `octet_plugin`.
#define OCTET_EXPORT __attribute__((visibility("default"), used))

#ifdef __cplusplus
} // extern "C"
#endif
