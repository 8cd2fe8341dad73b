// The rows of [watch]. To add a key, add the member in run_config.h and its row
// here; nothing else.
#include "core/config/table_rows.h"

namespace octet {

TableSpec watch_table() {
  return {
      "watch",
      TableSpec::Owner::run,
      "What low-precision casts do to the numbers, layer by layer",
      {
          {.name = "every",
           .slot = OCTET_RUN_SLOT(watch.every),
           .fallback = whole(0),
           .minimum = 0,
           .help = "Steps between records of amax, scale, underflow, overflow "
                   "and SQNR of every cast; the first step is recorded too. 0 "
                   "records nothing",
           .example = "50",
           .also_called = {"watch_every", "interval"}},
          {.name = "overflow_limit",
           .slot = OCTET_RUN_SLOT(watch.overflow_limit),
           .fallback = 0.001,
           .minimum = 0,
           .maximum = 1,
           .help = "A warning names the layer when a larger part of a tensor "
                   "is clamped to the largest value",
           .example = "0.01",
           .also_called = {"saturation_limit"}},
          {.name = "underflow_limit",
           .slot = OCTET_RUN_SLOT(watch.underflow_limit),
           // Healthy runs of SmolLM2 lose up to 14% of a gradient in their
           // worst layer (docs/fp8.md), and should not warn.
           .fallback = 0.2,
           .minimum = 0,
           .maximum = 1,
           .help = "A warning names the layer when a larger part of a "
                   "tensor's nonzero elements becomes zero",
           .example = "0.3",
           .also_called = {"flush_limit"}},
          {.name = "sites",
           .slot = OCTET_RUN_SLOT(watch.sites),
           .fallback = std::vector<std::string>{},
           .help = "Layers to watch, as names with * and ?; empty watches all "
                   "that a precision plugin computes",
           .example = "[\"*.down_proj\", \"model.layers.0.*\"]",
           .also_called = {"modules", "layers"}},
      }};
}

} // namespace octet
