#pragma once

#include <chrono>
#include <string>

namespace program {

/// Prints the progress of long work to standard error, with its rate and the time left. On a terminal it is
/// one line that is written again and again. Elsewhere, with `TERM=dumb` and with `NO_COLOR`, it is a plain
/// line per minute, so that a log shows a long run and stays empty after a short one.
class progress {
  public:
    using clock = std::chrono::steady_clock;

    /// Work of `total` units of which `done` reports; `unit` names them ("B" is shown as bytes). A total of 0
    /// is unknown: the line has the amount in place of a percentage and the time left.
    /// `log_interval` is the time between plain lines.
    progress(std::string what, double total, std::string unit,
             clock::duration log_interval = std::chrono::minutes(1));
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress();

    /// `amount` units are done by now. Cheap: writes at most ten times a second.
    void done(double amount, const std::string& remark = {});

    /// Nothing is written from now on: only one of several processes shows progress.
    static void silence() noexcept;

  private:
    std::string what_;
    double total_;
    std::string unit_;
    bool is_live_; ///< on a terminal that can wipe a line
    clock::duration interval_;
    bool written_ = false; ///< a line that has to be wiped
    clock::time_point start_ = clock::now();
    clock::time_point last_ = start_;
};

} // namespace program
