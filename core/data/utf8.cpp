#include "core/data/utf8.h"

#include <utf8proc.h>

namespace octet {

bool is_utf8(std::string_view bytes) {
  while (!bytes.empty()) {
    utf8proc_int32_t code = 0;
    const utf8proc_ssize_t size = utf8proc_iterate(
        reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
        static_cast<utf8proc_ssize_t>(bytes.size()),
        &code);
    if (size <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<size_t>(size));
  }
  return true;
}

} // namespace octet
