#pragma once

namespace program {

/// Makes SIGINT, SIGTERM and SIGHUP remove the temporary files before they end the process, with the status
/// that the signal gives. A signal that is ignored stays ignored.
void remove_temporary_files_on_signals();

} // namespace program
