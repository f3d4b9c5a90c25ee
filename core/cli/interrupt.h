// Ctrl-C as a question that work asks between its pieces, so that it can end cleanly.
#pragma once

namespace flowmatch::cli {

/// From now on the first interruption (SIGINT, and SIGTERM) is only noted; a second one ends the
/// program at once.
void catch_interruption();

/// Whether there has been one.
bool interrupted();

}  // namespace flowmatch::cli
