// The plugin's door.
#include "backend.h"

OCTET_PRECISION_PLUGIN(octet::te::probe, octet::te::create)
