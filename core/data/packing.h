// Which samples share a row.
#pragma once

#include <cstdint>
#include <vector>

namespace octet {

/// Best fit: a row takes the longest sample that still fits, again and again.
///
/// Every sample is in exactly one row, and no row is longer than `capacity`.
/// Among samples of one length the earlier one goes first, so that shuffling
/// `order` before decides the rest.
/// @param lengths of all samples, each in [1, capacity]
/// @param order the samples to place (indices; one may stand more than once)
/// @returns rows of sample indices
std::vector<std::vector<int64_t>> pack_best_fit(
    const std::vector<int64_t>& lengths,
    const std::vector<int64_t>& order,
    int64_t capacity);

} // namespace octet
