#include "support/interruption.hpp"

#include <repscope/temporary_names.hpp>

#include <csignal>

namespace program {

namespace {

extern "C" void end_without_temporary_files(int signal) {
    repscope::remove_temporary_files();
    // The default action is set again by now, and takes place when this handler returns.
    ::raise(signal);
}

} // namespace

void remove_temporary_files_on_signals() {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
        struct sigaction action {};
        if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
        action.sa_handler = end_without_temporary_files;
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        ::sigaction(signal, &action, nullptr);
    }
}

} // namespace program
