// Which layers are taken, and what ends with a microbatch.
#include "backend.h"

#include <algorithm>
#include <cctype>

namespace octet::te {
namespace {

/// As the FP8 integrations of other trainers do: these lose more than the rest
/// and are few.
constexpr const char* kKeptInBf16[] = {
    "embed",
    "lm_head",
    "output",
    "classifier"};

/// "Transformer Engine 2.20.2, delayed scaling, HYBRID", and what the user
/// should know about that version.
std::string describe(const Library& library, const Settings& settings) {
  return "Transformer Engine " + library.version() + ", " +
      to_string(settings.recipe) + " scaling, " +
      (settings.backward == abi::kFloat8E5M2 ? "HYBRID" : "E4M3") +
      (library.warning().empty() ? "" : "; " + library.warning());
}

std::shared_ptr<const Library> fitting_library(
    const OctetHost& host,
    const Settings& settings) {
  const std::string refused =
      refuse_capability(settings.recipe, host.cuda_capability);
  if (!refused.empty()) {
    throw Error("te", refused);
  }
  return Library::load(find_library(Search::usual(settings.library)));
}

} // namespace

ProbeResult probe(const OctetHost& host, const Options& options) {
  try {
    const Settings settings = read_settings(options);
    const auto library = fitting_library(host, settings);
    // Says why when the recipe needs a newer library.
    make_recipe(library, settings);
    return {
        true,
        describe(*library, settings) + " (" + library->path().string() + ")"};
  } catch (const Error& error) {
    return {false, error.message()};
  }
}

std::unique_ptr<PrecisionBackend> create(
    const OctetHost& host,
    const Options& options) {
  const Settings settings = read_settings(options);
  return std::make_unique<Backend>(
      fitting_library(host, settings), settings, host.cuda_capability);
}

Backend::Backend(
    const std::shared_ptr<const Library>& library,
    const Settings& settings,
    unsigned capability)
    : engine_(std::make_shared<Engine>(library, settings, capability)),
      description_(describe(*library, settings)) {}

SiteVerdict Backend::accepts(const Site& site) const {
  if (site.kind != SiteKind::linear) {
    return SiteVerdict::skip("an embedding has no matrix product");
  }
  // "LM_Head" is one too, as for the torchao backend.
  std::string lower_case = site.name;
  std::transform(
      lower_case.begin(),
      lower_case.end(),
      lower_case.begin(),
      [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* name : kKeptInBf16) {
    if (lower_case.find(name) != std::string::npos) {
      return SiteVerdict::skip(
          std::string("\"") + name + "\" layers stay in bf16");
    }
  }
  const int64_t multiple = engine_->recipe->feature_multiple();
  for (const auto& [name, size] :
       {std::pair{"in_features", site.in_features},
        std::pair{"out_features", site.out_features}}) {
    if (size % multiple != 0) {
      return SiteVerdict::skip(
          std::string(name) + " " + std::to_string(size) +
          " is not a multiple of " + std::to_string(multiple));
    }
  }
  SiteVerdict verdict = SiteVerdict::yes();
  verdict.reason = description_;
  return verdict;
}

std::unique_ptr<Gemm> Backend::make_gemm(const Site& site) {
  const std::string& group = site.group.empty() ? site.name : site.group;
  std::shared_ptr<Quantizer>& input = inputs_[group];
  const bool first = input == nullptr;
  if (first) {
    input = engine_->recipe->quantizer(Operand::input);
  }
  return std::make_unique<Linear>(engine_, input, first);
}

void Backend::use_collective(Collective& ranks) {
  ranks_ = &ranks;
}

void Backend::end_microbatch(const StepContext& context) {
  if (context.training) {
    engine_->recipe->end_microbatch(ranks_);
  }
}

} // namespace octet::te
