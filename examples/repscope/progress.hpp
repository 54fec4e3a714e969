#pragma once

#include <chrono>
#include <string>

namespace program {

/// One line on standard error that tells how far long work is, with its rate and the time left. Silent when
/// standard error is no terminal.
class progress {
  public:
    /// Work of `total` units of which `done` reports; `unit` names them ("B" is shown as bytes).
    progress(std::string what, double total, std::string unit);
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress();

    /// `amount` units are done by now. Cheap: writes at most ten times a second.
    void done(double amount, const std::string& remark = {});

  private:
    using clock = std::chrono::steady_clock;
    std::string what_;
    double total_;
    std::string unit_;
    bool shown_;
    bool written_ = false;
    clock::time_point start_ = clock::now();
    clock::time_point last_ = start_;
};

} // namespace program
