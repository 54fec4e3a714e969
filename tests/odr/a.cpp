#include "every_header.hpp"

#include <cstdio>

const void* function_in_b();

// An inline function has one address in a program, whoever asks for it.
int main() {
    const auto function_in_a = reinterpret_cast<const void*>(&repscope::format_shape);
    if (function_in_a != function_in_b()) {
        std::puts("two functions repscope::format_shape in one program");
        return 1;
    }
}
