// The standard streams. Colours for people at a terminal; scripts and files get
// plain text.
#pragma once

#include <string>
#include <string_view>

namespace octet {

/// For the beginning of a program. A standard descriptor that is closed would
/// be given to the next file that is opened (a checkpoint, a pipe to a child),
/// and what is then printed would go there. It is occupied, so that printing to
/// it goes on failing.
void occupy_standard_streams();

/// Whether what is written to this descriptor may have colours: it is a
/// terminal, NO_COLOR is unset or empty (no-color.org), and TERM is neither
/// "dumb" nor missing.
bool shows_colour(int descriptor);

/// Wraps texts in the terminal's escapes, or leaves them as they are.
class Style {
 public:
  /// Plain.
  Style() = default;
  explicit Style(bool colour) : colour_(colour) {}
  /// For text that goes to the standard output.
  static Style standard_output();

  std::string bold(std::string_view text) const {
    return wrap("1", text);
  }
  std::string dim(std::string_view text) const {
    return wrap("2", text);
  }
  std::string red(std::string_view text) const {
    return wrap("31", text);
  }
  std::string green(std::string_view text) const {
    return wrap("32", text);
  }
  std::string yellow(std::string_view text) const {
    return wrap("33", text);
  }

 private:
  std::string wrap(std::string_view code, std::string_view text) const {
    std::string out(text);
    return colour_ && !out.empty()
        ? "\033[" + std::string(code) + "m" + out + "\033[0m"
        : out;
  }

  bool colour_ = false;
};

} // namespace octet
