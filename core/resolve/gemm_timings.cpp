// The stored form of timings, and what must agree when a table is read back.
#include "core/resolve/gemm_timings.h"

#include "core/base/problems.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <set>

namespace octet {

using nlohmann::json;

namespace {

constexpr int64_t kFormat = 1;

json shape_json(const GemmTiming& timing) {
  return {
      {"m", timing.shape.m},
      {"n", timing.shape.n},
      {"k", timing.shape.k},
      {"trained", timing.shape.trained},
      {"candidate_ms", timing.candidate_ms},
      {"reference_ms", timing.reference_ms}};
}

} // namespace

std::string gemm_text(const GemmShape& shape) {
  return fmt::format(
      "[{}, {}] x [{}, {}]^T{}",
      shape.m,
      shape.k,
      shape.n,
      shape.k,
      shape.trained ? "" : ", weight frozen");
}

json to_json(const GemmTimings& timings) {
  json shapes = json::array();
  for (const GemmTiming& timing : timings.shapes) {
    shapes.push_back(shape_json(timing));
  }
  return {
      {"format", kFormat},
      {"candidate",
       {{"name", timings.candidate},
        {"version", timings.candidate_version},
        {"options", timings.options}}},
      {"reference",
       {{"name", timings.reference}, {"version", timings.reference_version}}},
      {"device", timings.device},
      {"libtorch", timings.libtorch},
      {"octet", timings.octet},
      {"threads", timings.threads},
      {"microbatches", timings.microbatches},
      {"shapes", shapes}};
}

GemmTimings parse_timings(const json& value, const std::string& origin) {
  try {
    const auto format = value.at("format").get<int64_t>();
    if (format != kFormat) {
      throw Failure(
          ExitCode::input,
          "timings",
          fmt::format(
              "{}: expected format {}, found {}; measure again by removing "
              "precision.timings",
              origin,
              kFormat,
              format));
    }
    GemmTimings timings;
    const json& candidate = value.at("candidate");
    candidate.at("name").get_to(timings.candidate);
    candidate.at("version").get_to(timings.candidate_version);
    candidate.at("options").get_to(timings.options);
    value.at("reference").at("name").get_to(timings.reference);
    value.at("reference").at("version").get_to(timings.reference_version);
    value.at("device").get_to(timings.device);
    value.at("libtorch").get_to(timings.libtorch);
    value.at("octet").get_to(timings.octet);
    value.at("threads").get_to(timings.threads);
    value.at("microbatches").get_to(timings.microbatches);
    for (const json& item : value.at("shapes")) {
      GemmTiming timing;
      item.at("m").get_to(timing.shape.m);
      item.at("n").get_to(timing.shape.n);
      item.at("k").get_to(timing.shape.k);
      item.at("trained").get_to(timing.shape.trained);
      item.at("candidate_ms").get_to(timing.candidate_ms);
      item.at("reference_ms").get_to(timing.reference_ms);
      timings.shapes.push_back(timing);
    }
    return timings;
  } catch (const json::exception& error) {
    throw Failure(
        ExitCode::input,
        "timings",
        "expected a table of timings in " + origin + ", found: " +
            error.what() + "; measure again by removing precision.timings");
  }
}

json to_json(const Measurement& measurement) {
  json rows = json::array();
  for (const ShapeVerdict& verdict : measurement.verdicts) {
    json row = shape_json(verdict.timing);
    row["ratio"] = verdict.ratio;
    row["wins"] = verdict.wins;
    row["reason"] = verdict.reason;
    row["sites"] = verdict.sites;
    rows.push_back(std::move(row));
  }
  return {
      {"candidate", measurement.timings.candidate},
      {"reference", measurement.timings.reference},
      {"device", measurement.timings.device},
      {"margin", measurement.margin},
      {"source", measurement.source},
      {"shapes", rows}};
}

TimingDifferences compare_timings(
    const GemmTimings& stored,
    const GemmTimings& wanted) {
  TimingDifferences found;
  const auto differs = [](const std::string& what,
                          const std::string& was,
                          const std::string& is) {
    return was == is ? std::string()
                     : fmt::format("{} {}, this run has {}", what, was, is);
  };
  const auto add = [](std::vector<std::string>& list, std::string text) {
    if (!text.empty()) {
      list.push_back(std::move(text));
    }
  };
  add(found.fatal,
      differs("it has candidate", stored.candidate, wanted.candidate));
  add(found.fatal,
      differs("it has reference", stored.reference, wanted.reference));
  std::set<GemmShape> there;
  for (const GemmTiming& timing : stored.shapes) {
    there.insert(timing.shape);
  }
  for (const GemmTiming& timing : wanted.shapes) {
    if (!there.contains(timing.shape)) {
      found.fatal.push_back("it lacks " + gemm_text(timing.shape));
    }
  }
  if (stored.options != wanted.options) {
    std::set<std::string> keys;
    for (const auto* options : {&stored.options, &wanted.options}) {
      for (const auto& [key, value] : *options) {
        keys.insert(key);
      }
    }
    const auto text = [](const std::map<std::string, std::string>& options,
                         const std::string& key) {
      const auto value = options.find(key);
      return value == options.end() ? "none" : value->second;
    };
    for (const std::string& key : keys) {
      add(found.fatal,
          differs(
              "it was made with " + key + " =",
              text(stored.options, key),
              text(wanted.options, key)));
    }
  }
  add(found.notes, differs("it was measured on", stored.device, wanted.device));
  add(found.notes,
      differs(
          "it has version",
          stored.candidate + " " + stored.candidate_version,
          wanted.candidate + " " + wanted.candidate_version));
  add(found.notes,
      differs(
          "it has version",
          stored.reference + " " + stored.reference_version,
          wanted.reference + " " + wanted.reference_version));
  add(found.notes,
      differs("it has LibTorch", stored.libtorch, wanted.libtorch));
  add(found.notes, differs("it has Octet", stored.octet, wanted.octet));
  add(found.notes,
      differs(
          "its threads are",
          std::to_string(stored.threads),
          std::to_string(wanted.threads)));
  add(found.notes,
      differs(
          "its microbatches of a step are",
          std::to_string(stored.microbatches),
          std::to_string(wanted.microbatches)));
  return found;
}

} // namespace octet
