// Masters out of the decoder and back into it.
#include "core/train/added_parameters.h"

#include "core/base/problems.h"

namespace octet {
namespace {

std::map<std::string, Parameter*> added(
    const ModelSpec& spec,
    Decoder& decoder) {
  const auto base = spec.tensors();
  std::map<std::string, Parameter*> found;
  for (Parameter* parameter : decoder.parameters()) {
    if (!base.contains(parameter->name)) {
      found[parameter->name] = parameter;
    }
  }
  return found;
}

} // namespace

State added_parameters(const ModelSpec& spec, Decoder& decoder) {
  State state;
  for (const auto& [name, parameter] : added(spec, decoder)) {
    state.emplace_back(name, parameter->master);
  }
  return state;
}

void restore_parameters(
    const State& saved,
    const ModelSpec& spec,
    Decoder& decoder) {
  std::map<std::string, Parameter*> wanted = added(spec, decoder);
  Problems problems;
  for (const auto& [name, master] : saved) {
    const auto found = wanted.find(name);
    if (found == wanted.end()) {
      problems.add("parameter " + name + " is not one of this run");
      continue;
    }
    if (found->second->master.sizes() != master.sizes()) {
      problems.add("parameter " + name + " has another shape in this run");
    } else {
      found->second->master.copy_(master);
      ++found->second->version;
    }
    wanted.erase(found);
  }
  for (const auto& [name, parameter] : wanted) {
    problems.add("parameter " + name + " is missing in the checkpoint");
  }
  problems.raise(
      ExitCode::usage, "resume", "the checkpoint was made with other features");
}

} // namespace octet
