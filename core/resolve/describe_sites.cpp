// The plan site by site, short enough to read: layers in which the same
// happens for the same reasons share a line.
#include "core/resolve/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet {

namespace {

struct Row {
  /// The name around the layer's number; `after` is empty for a site of its
  /// own.
  std::string before, after;
  std::string shape, weight, slots;
  std::vector<int64_t> layers;

  bool same(const Row& other) const {
    return before == other.before && after == other.after &&
        shape == other.shape && weight == other.weight && slots == other.slots;
  }
};

// {0, 1, 2, 5} -> "0-2,5"
std::string ranges(const std::vector<int64_t>& numbers) {
  std::string text;
  for (size_t begin = 0; begin < numbers.size();) {
    size_t end = begin;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) {
      ++end;
    }
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[begin]);
    if (end > begin) {
      text += fmt::format("-{}", numbers[end]);
    }
    begin = end + 1;
  }
  return text;
}

void add_part(std::string& text, const std::string& part) {
  text += (text.empty() ? "" : "; ") + part;
}

std::string because(const std::string& reason) {
  return reason.empty() ? "" : " (" + reason + ")";
}

bool is_backend(const Selection& selection, const std::string& plugin) {
  return plugin == selection.precision.entry->manifest.name ||
      (selection.reference &&
       plugin == selection.reference->entry->manifest.name);
}

// "gemm bf16; adapter lora", then who left the site alone, and why. A backend
// that left it to the run's other one is not told: the other one's reason is.
std::string slots_text(const SitePlan& site, const Plan& plan) {
  std::string text, backends;
  bool computed = site.site.kind != SiteKind::linear;
  for (const Placement& placement : site.placements) {
    computed = computed || placement.slot == "gemm";
    add_part(
        text,
        placement.slot + " " + placement.plugin + because(placement.reason));
  }
  for (const auto& [plugin, reason] : site.skipped) {
    if (is_backend(plan.selection, plugin)) {
      add_part(backends, "not " + plugin + ": " + reason);
    }
  }
  if (!computed) {
    add_part(
        text,
        "gemm of the core in " + plan.compute_dtype + " (" + backends + ")");
  }
  for (const auto& [plugin, reason] : site.skipped) {
    if (!is_backend(plan.selection, plugin)) {
      add_part(text, "not " + plugin + " (" + reason + ")");
    }
  }
  return text.empty() ? "look-up of the core" : text;
}

std::string weight_text(const SitePlan& site, const Plan& plan) {
  const std::string own = site.site.name + ".weight";
  std::string text = plan.trains_base ? "trained" : "frozen";
  if (site.site.weight != own) {
    text += " (" + site.site.weight + ")";
  }
  return text;
}

Row row_of(const SitePlan& site, const Plan& plan) {
  Row row;
  row.before = site.site.name;
  const std::string number = fmt::format(".{}.", site.site.layer);
  const size_t at = site.site.name.find(number);
  if (site.site.layer >= 0 && at != std::string::npos) {
    row.before = site.site.name.substr(0, at + 1);
    row.after = site.site.name.substr(at + number.size() - 1);
    row.layers = {site.site.layer};
  }
  row.shape =
      fmt::format("{} x {}", site.site.out_features, site.site.in_features);
  row.weight = weight_text(site, plan);
  row.slots = slots_text(site, plan);
  return row;
}

} // namespace

std::string describe_sites(const Plan& plan, const Style& style) {
  std::vector<Row> rows;
  for (const SitePlan& site : plan.sites) {
    Row row = row_of(site, plan);
    const auto equal =
        std::find_if(rows.begin(), rows.end(), [&](const Row& other) {
          return !row.after.empty() && other.same(row);
        });
    if (equal == rows.end()) {
      rows.push_back(std::move(row));
    } else {
      equal->layers.push_back(site.site.layer);
    }
  }
  size_t name_width = 4, shape_width = 5, weight_width = 6;
  for (Row& row : rows) {
    row.before += row.after.empty() ? "" : ranges(row.layers) + row.after;
    name_width = std::max(name_width, row.before.size());
    shape_width = std::max(shape_width, row.shape.size());
    weight_width = std::max(weight_width, row.weight.size());
  }
  const auto line = [&](const std::string& name,
                        const std::string& shape,
                        const std::string& weight,
                        const std::string& slots) {
    return fmt::format(
        "  {:<{}}  {:>{}}  {:<{}}  {}\n",
        name,
        name_width,
        shape,
        shape_width,
        weight,
        weight_width,
        slots);
  };
  std::string text =
      style.dim(line("site", "shape", "weight", "what runs in each slot"));
  for (const Row& row : rows) {
    text += line(row.before, row.shape, row.weight, row.slots);
  }
  for (const auto& [op, plugin] : plan.ops) {
    text += "  op " + op + " by " + plugin + "\n";
  }
  for (const auto& [hook, plugins] : plan.hooks) {
    for (const std::string& plugin : plugins) {
      text += "  hook " + hook + " of " + plugin + "\n";
    }
  }
  return text;
}

} // namespace octet
