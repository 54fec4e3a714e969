#include "progress.hpp"

#include "text_table.hpp"

#include <cstdio>
#include <unistd.h>
#include <utility>

namespace program {

progress::progress(std::string what, double total, std::string unit)
    : what_(std::move(what)), total_(total), unit_(std::move(unit)), shown_(::isatty(STDERR_FILENO) == 1) {}

progress::~progress() {
    if (written_) std::fputs("\r\033[K", stderr);
}

void progress::done(double amount, const std::string& remark) {
    if (!shown_) return;
    const auto now = clock::now();
    if (now - last_ < std::chrono::milliseconds(100)) return;
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    const double rate = amount / seconds;
    std::string line = what_ + "  " + fixed(total_ > 0 ? 100.0 * amount / total_ : 100.0, 0) + " %";
    line += "  " + (unit_ == "B" ? byte_count(rate) : fixed(rate, 0) + " " + unit_) + "/s";
    if (amount > 0.0) line += "  " + duration((total_ - amount) / rate) + " left";
    if (!remark.empty()) line += "  " + remark;
    // On a narrow terminal a longer line would wrap and could not be wiped.
    if (line.size() > 110) line.resize(110);
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    std::fflush(stderr);
    written_ = true;
}

} // namespace program
