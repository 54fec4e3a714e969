#include "support/progress.hpp"

#include "support/errors.hpp"
#include "support/format.hpp"

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace program {

namespace {

bool is_silent = false;

bool is_set(const char* name) {
    const char* value = std::getenv(name);
    return value != nullptr && *value != '\0';
}

bool wipes_lines() {
    const char* terminal = std::getenv("TERM");
    const bool is_dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
    return ::isatty(STDERR_FILENO) == 1 && !is_dumb && !is_set("NO_COLOR");
}

} // namespace

progress::progress(std::string what, double total, std::string unit, clock::duration log_interval)
    : what_(std::move(what)), total_(total), unit_(std::move(unit)), is_live_(wipes_lines()),
      interval_(is_live_ ? std::chrono::milliseconds(100) : log_interval) {}

progress::~progress() {
    if (written_) std::fputs("\r\033[K", stderr);
}

void progress::silence() noexcept { is_silent = true; }

void progress::done(double amount, const std::string& remark) {
    if (is_silent) return;
    const auto now = clock::now();
    if (now - last_ < interval_) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = amount / seconds;
    const auto in_units = [&](double value) {
        return unit_ == "B" ? byte_count(value) : fixed(value, 0) + " " + unit_;
    };
    std::string line =
        what_ + "  " + (total_ > 0 ? fixed(100.0 * amount / total_, 0) + " %" : in_units(amount));
    line += "  " + in_units(rate) + "/s";
    if (amount > 0.0 && total_ > 0) line += "  " + duration((total_ - amount) / rate) + " left";
    if (!remark.empty()) line += "  " + on_one_line(remark);
    if (!is_live_) {
        std::fputs((line + "\n").c_str(), stderr);
        return;
    }
    // On a narrow terminal a longer line would wrap and could not be wiped.
    if (line.size() > 110) line.resize(110);
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    written_ = true;
}

} // namespace program
