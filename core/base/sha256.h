// SHA-256, for cache keys, template digests and checkpoint manifests.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace octet {

/// Digest of bytes that arrive in parts.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// Adds the length before the bytes, so that the parts of a key cannot run
  /// into each other: ("ab", "c") and ("a", "bc") differ.
  void update_field(std::string_view bytes);
  /// 64 lower-case hex digits. The object is used up.
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

} // namespace octet
