// The named templates and the digests of the Jinja texts they are exact for.
#pragma once

#include "core/text/template.h"

#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// The slots of every named template, sorted by name.
const std::vector<TemplateSlots>& template_table();

/// A Jinja text that was compared with a named template.
struct KnownJinja {
  /// SHA-256 of the text, see jinja_digest.
  std::string_view digest;
  std::string_view name;
  /// The date that Octet writes where the text would write today's; or "".
  std::string_view date;
};

const std::vector<KnownJinja>& known_jinja();

/// SHA-256 of a Jinja text as Jinja reads it: line ends are \n, and one at the
/// end does not count.
std::string jinja_digest(std::string_view jinja);

} // namespace octet
