// trainer merge: base weights plus an adapter's change, as a Hugging Face
// folder.
#include "core/base/problems.h"
#include "core/io/atomic_file.h"
#include "core/model/guarded.h"
#include "core/model/weight_set.h"
#include "core/plugin/loaded_plugin.h"
#include "core/train/adapter_source.h"
#include "core/train/entries.h"
#include "core/train/result_folder.h"

#include <iostream>

namespace octet {

namespace fs = std::filesystem;

namespace {

/// A plan without a backend: nothing is computed, the adapter only has to sit
/// where it belongs.
Plan plan_for(
    const SelectedPlugin& plugin,
    const Feature& feature,
    const ModelSpec& spec) {
  const Manifest& manifest = plugin.entry->manifest;
  Plan plan;
  plan.selection.features = {plugin};
  for (const Site& site : spec.sites()) {
    SitePlan planned{site, {}, {}, false};
    const SiteVerdict verdict = feature.accepts(site);
    if (verdict.accepted) {
      for (const std::string& slot :
           verdict.slots.empty() ? manifest.claims : verdict.slots) {
        planned.placements.push_back({manifest.name, slot, verdict.reason});
      }
    }
    plan.sites.push_back(std::move(planned));
  }
  return plan;
}

void check_output(const fs::path& output) {
  if (fs::exists(output) && !fs::is_empty(output)) {
    throw Failure(
        ExitCode::usage,
        "merge",
        "expected a new or empty folder for the result, but " +
            output.string() + " holds files; choose another --output");
  }
}

} // namespace

ExitCode merge(const MergeRequest& request, const Catalog& catalog) {
  check_output(request.output);
  const AdapterSource source =
      open_adapter(request.adapter, request.base, catalog);
  const ModelSpec spec = read_model_spec(source.base);
  const std::string name = source.plugin.entry->manifest.name;
  const auto feature = guarded(
      name,
      load_plugin(*source.plugin.entry).create_feature(source.plugin.options));
  feature->import_adapter(source.files);
  const Plan plan = plan_for(source.plugin, *feature, spec);

  DecoderOptions options;
  options.compute_dtype = at::kFloat;
  options.train_base = false;
  const auto weights = open_weights(source.base, spec);
  if (!weights->summary().empty()) {
    std::cout << "weights: " << weights->summary() << "\n";
  }
  Decoder decoder(spec, *weights, options);
  std::vector<LedgerEntry> ledger;
  feature->apply(*decoder.editor(name, plan, ledger));
  verify_ledger(plan, ledger);

  AtomicFolder folder(request.output);
  write_model_files(
      folder.temporary(),
      decoder,
      export_dtype(request.dtype, spec),
      /*merge_adapters=*/true);
  const bool own_tokenizer = fs::exists(request.adapter / "tokenizer.json");
  write_tokenizer_files(
      folder.temporary(),
      *load_tokenizer(own_tokenizer ? request.adapter : source.base));
  folder.commit();
  std::cout << "merged " << request.adapter.string() << " into "
            << source.base.string() << ": " << request.output.string() << "\n";
  return ExitCode::success;
}

} // namespace octet
