#include "core/text/template_writer.h"

#include "core/base/problems.h"

#include <utf8proc.h>

namespace octet {
namespace {

// str.isspace() of Python: bidirectional type WS, B or S, or category Zs.
bool is_space(utf8proc_int32_t code) {
  const utf8proc_property_t* property = utf8proc_get_property(code);
  return property->category == UTF8PROC_CATEGORY_ZS ||
      property->bidi_class == UTF8PROC_BIDI_CLASS_WS ||
      property->bidi_class == UTF8PROC_BIDI_CLASS_B ||
      property->bidi_class == UTF8PROC_BIDI_CLASS_S;
}

utf8proc_ssize_t read_code(std::string_view text, utf8proc_int32_t& code) {
  return utf8proc_iterate(
      reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
      static_cast<utf8proc_ssize_t>(text.size()),
      &code);
}

} // namespace

std::string fill_slot(
    std::string_view slot,
    std::string_view placeholder,
    std::string_view content,
    const TemplateTokens& tokens) {
  std::string text;
  text.reserve(slot.size() + content.size());
  while (!slot.empty()) {
    if (!placeholder.empty() && slot.starts_with(placeholder)) {
      text += content;
      slot.remove_prefix(placeholder.size());
    } else if (slot.starts_with("{bos}")) {
      text += tokens.bos;
      slot.remove_prefix(5);
    } else if (slot.starts_with("{eos}")) {
      text += tokens.eos;
      slot.remove_prefix(5);
    } else {
      text += slot.front();
      slot.remove_prefix(1);
    }
  }
  return text;
}

std::string trimmed(std::string_view text) {
  utf8proc_int32_t code = 0;
  size_t begin = 0;
  while (begin < text.size()) {
    const utf8proc_ssize_t size = read_code(text.substr(begin), code);
    if (size <= 0 || !is_space(code)) {
      break;
    }
    begin += static_cast<size_t>(size);
  }
  size_t end = text.size();
  while (end > begin) {
    size_t start = end - 1;
    while (start > begin &&
           (static_cast<unsigned char>(text[start]) & 0xC0) == 0x80) {
      --start;
    }
    if (read_code(text.substr(start, end - start), code) <= 0 ||
        !is_space(code)) {
      break;
    }
    end = start;
  }
  return std::string(text.substr(begin, end - begin));
}

void refuse_chat(const std::string& name, const std::string& reason) {
  throw Failure(ExitCode::input, "template", "template " + name + " " + reason);
}

void ChatWriter::write(std::string_view text, bool target) {
  if (text.empty() && (segments_.empty() || !target)) {
    return;
  }
  if (segments_.empty() || segments_.back().target != target) {
    segments_.push_back({std::string(text), target});
  } else {
    segments_.back().text += text;
  }
}

} // namespace octet
