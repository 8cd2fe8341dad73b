// What plugins say about each other, pair by pair, from their manifests alone:
// the compatibility matrix. The same rules as select and place, before any run:
// slots, storages, relations.
#pragma once

#include "core/plugin/manifest.h"

#include <nlohmann/json_fwd.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace octet {

/// One thing that somebody declares, or that follows from slots and storages.
struct PairReason {
  RelationVerdict verdict = RelationVerdict::ok;
  /// A sentence with the way out.
  std::string text;
  /// Holds only when; empty = always.
  std::string when;
};

struct PairVerdict {
  std::string first, second;
  /// Two backends: a run has one of them.
  bool either_or = false;
  /// The strictest of the reasons, conditional ones included.
  RelationVerdict verdict = RelationVerdict::ok;
  /// Every reason stands under a condition.
  bool conditional = false;
  std::vector<PairReason> reasons;
  /// Name of the test that trains the pair; empty: declared only.
  std::string tested;
  /// One of the two does not exist yet: a run with it stops, whatever the
  /// verdict.
  bool planned = false;
};

struct Matrix {
  /// Precision plugins first, then by name.
  std::vector<Manifest> plugins;
  /// Every pair of two different plugins once, in the order of `plugins`.
  std::vector<PairVerdict> pairs;

  /// @throws std::out_of_range unless both are in the matrix and different
  const PairVerdict& at(const std::string& a, const std::string& b) const;
};

/// @param tested "a b" (names in alphabetical order) -> test that trains them
/// @param planned names of those that do not exist yet
Matrix compatibility_matrix(
    std::vector<Manifest> plugins,
    const std::map<std::string, std::string>& tested = {},
    const std::set<std::string>& planned = {});

/// For scripts: {"plugins": [...], "pairs": [...]}.
nlohmann::ordered_json to_json(const Matrix& matrix);

} // namespace octet
