// The SDK's ABI number. It goes into every plugin's build fingerprint and must
// equal the host's, so none of the structs here carries a version of its own.
#pragma once

/// Raised by every change to a header of this folder (a test enforces it).
#define OCTET_SDK_ABI 3
