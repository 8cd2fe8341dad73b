// Options of Metaspace; see metaspace.h.
#include "core/text/metaspace.h"

#include "core/text/unicode.h"

namespace octet::text {

MetaspaceOptions read_metaspace(const JsonPart& part) {
  MetaspaceOptions options;
  options.replacement = to_utf8(part.character("replacement"));
  options.split = part.flag_or("split", true);
  options.prepend = PrependScheme::always;
  if (part.has("prepend_scheme")) {
    const std::string name = part.text("prepend_scheme");
    if (name == "first") {
      options.prepend = PrependScheme::first;
    } else if (name == "never") {
      options.prepend = PrependScheme::never;
    } else if (name != "always") {
      part.at("prepend_scheme")
          .fail("expected always, first or never, got \"" + name + "\"");
    }
  } else if (!part.flag_or("add_prefix_space", true)) {
    options.prepend = PrependScheme::never;
  }
  return options;
}

} // namespace octet::text
