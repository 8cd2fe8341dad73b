// Post-processors; see post_processor.h.
#include "core/text/post_processor.h"

namespace octet::text {

PostProcessor::PostProcessor(const JsonPart& part) {
  if (!part.value().is_null()) {
    read(part);
  }
}

void PostProcessor::apply(std::vector<int32_t>& ids) const {
  for (const Frame& frame : frames_) {
    ids.insert(ids.begin(), frame.before.begin(), frame.before.end());
    ids.insert(ids.end(), frame.after.begin(), frame.after.end());
  }
}

void PostProcessor::read(const JsonPart& part) {
  const std::string type = part.text("type");
  if (type == "ByteLevel") {
    return; // moves offsets only
  }
  if (type == "Sequence") {
    for (const JsonPart& item : part.items("processors")) {
      read(item);
    }
    return;
  }
  if (type == "TemplateProcessing") {
    read_template(part);
    return;
  }
  if (type == "BertProcessing" || type == "RobertaProcessing") {
    Frame frame;
    for (const char* key : {"cls", "sep"}) {
      const JsonPart pair = part.at(key);
      if (!pair.value().is_array() || pair.value().size() != 2 ||
          !pair.value()[1].is_number_integer()) {
        pair.fail("expected [token, id]");
      }
      (key[0] == 'c' ? frame.before : frame.after)
          .push_back(pair.value()[1].get<int32_t>());
    }
    frames_.push_back(std::move(frame));
    return;
  }
  part.fail_type(
      {"TemplateProcessing",
       "ByteLevel",
       "Sequence",
       "BertProcessing",
       "RobertaProcessing"});
}

void PostProcessor::read_template(const JsonPart& part) {
  Frame frame;
  bool seen_text = false;
  for (const JsonPart& item : part.items("single")) {
    if (item.has("Sequence")) {
      if (seen_text || item.at("Sequence").text("id") != "A") {
        item.fail("expected the text (\"A\") exactly once");
      }
      seen_text = true;
      continue;
    }
    const std::string name = item.at("SpecialToken").text("id");
    const JsonPart token = part.at("special_tokens").at(name);
    for (const JsonPart& id : token.items("ids")) {
      if (!id.value().is_number_integer()) {
        id.fail("expected an integer");
      }
      (seen_text ? frame.after : frame.before)
          .push_back(id.value().get<int32_t>());
    }
  }
  if (!seen_text) {
    part.at("single").fail("expected the text (\"A\") exactly once");
  }
  frames_.push_back(std::move(frame));
}

} // namespace octet::text
