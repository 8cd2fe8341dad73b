// Checks of the single parts that a feature hands to the editor.
#pragma once

#include "sdk/conformance/recording_editor.h"

#include <string>

namespace octet::conformance {

/// Gradients of x and of every parameter against differences, delta() against
/// forward, accumulation. @returns a note
std::string check_adapters(RecordingEditor& editor);

/// Shapes, dtypes and gradients; those of a transform that rounds are taken
/// for straight-through ones. @returns a note
std::string check_transforms(RecordingEditor& editor);

} // namespace octet::conformance
