// place: a Selection, the model's sites and every plugin's verdict on them to
// the Plan. Pure: no files, no tensors. A slot is filled by one plugin, except
// `adapter`, which takes any number.
#include "core/base/problems.h"
#include "core/plugin/words.h"
#include "core/resolve/plan.h"
#include "core/resolve/relations.h"

#include <algorithm>
#include <utility>

namespace octet {

namespace {

// An embedding is a look-up: nothing is multiplied there.
bool has_slot(const Site& site, const std::string& slot) {
  return site.kind == SiteKind::linear || slot == "weight" ||
      slot == "weight_transform";
}

std::vector<std::string> claimed_slots(const Manifest& manifest) {
  std::vector<std::string> slots;
  std::copy_if(
      manifest.claims.begin(),
      manifest.claims.end(),
      std::back_inserter(slots),
      [](const std::string& claim) {
        return !is_op(claim) && !is_hook(claim);
      });
  return slots;
}

std::string and_more(const std::vector<std::string>& sites) {
  return sites.size() == 1
      ? sites.front()
      : sites.front() + " and " + std::to_string(sites.size() - 1) + " more";
}

// The decoder runs every layer once forward and, to hand the gradient to what
// is below, once backward whether or not the layer's own weight is trained. A
// layer that is recomputed runs forward again. The head works on rows with a
// target, a chunk at a time, and is not recomputed.
CallPlan calls_of(
    const Site& site,
    const ModelSpec& spec,
    const PlaceSettings& settings) {
  if (site.kind != SiteKind::linear) {
    return {};
  }
  if (site.layer < 0) {
    return {1, 1, head_chunk_rows(spec.vocab_size, settings.head_chunk_bytes)};
  }
  return {settings.activation_checkpointing ? 2 : 1, 1, 0};
}

class Placer {
 public:
  Placer(
      Selection selection,
      const ModelSpec& spec,
      const std::vector<SiteVerdicts>& verdicts,
      const PlaceSettings& settings)
      : verdicts_(verdicts) {
    plan_.selection = std::move(selection);
    for (Site& site : spec.sites()) {
      const CallPlan calls = calls_of(site, spec, settings);
      plan_.sites.push_back({std::move(site), {}, {}, false, calls});
    }
    plan_.total_parameters = spec.parameter_count();
  }

  Plan run() {
    const Manifest& backend = plan_.selection.precision.entry->manifest;
    plan_.compute_dtype = backend.compute;
    place_sites(plan_.selection.precision);
    if (plan_.selection.reference) {
      place_sites(*plan_.selection.reference);
    }
    for (const SelectedPlugin& feature : plan_.selection.features) {
      if (!claimed_slots(feature.entry->manifest).empty()) {
        place_sites(feature);
      }
      place_ops(feature.entry->manifest);
      place_hooks(feature.entry->manifest);
    }
    report_clashes();
    count_parameters();
    problems_.raise(ExitCode::resolution, "resolve", "cannot run as asked");
    return std::move(plan_);
  }

 private:
  const std::vector<SiteVerdict>& verdicts_of(const std::string& plugin) const {
    for (const SiteVerdicts& item : verdicts_) {
      if (item.plugin == plugin && item.verdicts.size() == plan_.sites.size()) {
        return item.verdicts;
      }
    }
    throw Error(
        "resolve",
        "expected one verdict of " + plugin + " for each of the " +
            std::to_string(plan_.sites.size()) + " sites");
  }

  void place_sites(const SelectedPlugin& plugin) {
    const Manifest& manifest = plugin.entry->manifest;
    const std::vector<SiteVerdict>& verdicts = verdicts_of(manifest.name);
    int64_t accepted = 0;
    for (size_t i = 0; i < verdicts.size(); ++i) {
      SitePlan& site = plan_.sites[i];
      const bool no_gemm = manifest.kind == PluginKind::precision &&
          site.site.kind == SiteKind::embedding;
      if (no_gemm) {
        site.skipped[manifest.name] = "an embedding has no GEMM";
      } else if (!verdicts[i].accepted) {
        site.skipped[manifest.name] =
            verdicts[i].reason.empty() ? "no reason given" : verdicts[i].reason;
      } else {
        ++accepted;
        fill_slots(manifest, verdicts[i], site);
      }
    }
    if (accepted == 0) {
      report_nothing_accepted(manifest);
    }
  }

  void fill_slots(
      const Manifest& manifest,
      const SiteVerdict& verdict,
      SitePlan& site) {
    const std::vector<std::string> claimed = claimed_slots(manifest);
    for (const std::string& slot :
         verdict.slots.empty() ? claimed : verdict.slots) {
      if (std::find(claimed.begin(), claimed.end(), slot) == claimed.end()) {
        clash(
            label(manifest) + " wants slot " + slot +
                ", which its manifest does not claim, at",
            site.site.name);
        continue;
      }
      if (!has_slot(site.site, slot)) {
        clash(
            label(manifest) + " accepts embeddings, which have no slot " +
                slot + ", at",
            site.site.name);
        continue;
      }
      const Placement* holder = nullptr;
      for (const Placement& placement : site.placements) {
        holder = placement.slot == slot ? &placement : holder;
      }
      if (holder != nullptr && slot != "adapter") {
        clash(
            holder->plugin + " and " + manifest.name + " both claim slot " +
                slot + " (remove one of them) at",
            site.site.name);
        continue;
      }
      site.placements.push_back({manifest.name, slot, verdict.reason});
    }
    plan_.total_parameters += verdict.added_parameters;
    plan_.trainable_parameters += verdict.added_parameters;
    site.trainable = site.trainable || verdict.added_parameters > 0;
  }

  void place_ops(const Manifest& manifest) {
    for (const std::string& claim : manifest.claims) {
      if (is_op(claim)) {
        // One feature claims it: two are a conflict that select finds.
        plan_.ops.emplace(claim.substr(3), manifest.name);
      }
    }
  }

  void place_hooks(const Manifest& manifest) {
    for (const std::string& claim : manifest.claims) {
      if (is_hook(claim)) {
        plan_.hooks[claim].push_back(manifest.name);
      }
    }
  }

  void report_nothing_accepted(const Manifest& manifest) {
    std::map<std::string, int64_t> reasons;
    for (const SitePlan& site : plan_.sites) {
      ++reasons[site.skipped.at(manifest.name)];
    }
    std::string text;
    for (const auto& [reason, count] : reasons) {
      text += (text.empty() ? "" : ", ") + reason + " (" +
          std::to_string(count) + ")";
    }
    problems_.add(
        label(manifest) + " accepts none of the model's " +
        std::to_string(plan_.sites.size()) + " sites: " + text);
  }

  void clash(const std::string& text, const std::string& site) {
    clashes_[text].push_back(site);
  }

  void report_clashes() {
    for (const auto& [text, sites] : clashes_) {
      problems_.add(text + " " + and_more(sites));
    }
  }

  void count_parameters() {
    std::vector<std::string> freezers;
    const int64_t base = plan_.total_parameters - plan_.trainable_parameters;
    for (const SelectedPlugin& feature : plan_.selection.features) {
      if (feature.entry->manifest.freezes_base) {
        freezers.push_back(label(feature.entry->manifest));
      }
    }
    plan_.trains_base = freezers.empty();
    if (plan_.trains_base) {
      plan_.trainable_parameters += base;
      for (SitePlan& site : plan_.sites) {
        site.trainable = true;
      }
    } else if (plan_.trainable_parameters == 0 && problems_.empty()) {
      problems_.add(
          join_names(freezers) +
          " freezes the base model and nothing adds parameters to train");
    }
  }

  const std::vector<SiteVerdicts>& verdicts_;
  Plan plan_;
  Problems problems_;
  // What clashes -> where.
  std::map<std::string, std::vector<std::string>> clashes_;
};

} // namespace

Plan place_plugins(
    Selection selection,
    const ModelSpec& spec,
    const std::vector<SiteVerdicts>& verdicts,
    const PlaceSettings& settings) {
  return Placer(std::move(selection), spec, verdicts, settings).run();
}

int64_t head_chunk_rows(int64_t vocab_size, int64_t bytes) {
  const int64_t row_bytes = vocab_size * static_cast<int64_t>(sizeof(float));
  return std::max<int64_t>(1, bytes / row_bytes);
}

CallCount expected_calls(
    const CallPlan& plan,
    const std::vector<int64_t>& targets) {
  int64_t passes = 0;
  for (const int64_t count : targets) {
    passes += plan.chunk_rows == 0
        ? 1
        : (count + plan.chunk_rows - 1) / plan.chunk_rows;
  }
  return {passes * plan.forward, passes * plan.backward};
}

} // namespace octet
