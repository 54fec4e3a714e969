#include "every_header.hpp"

const void* function_in_b();

const void* function_in_b() { return reinterpret_cast<const void*>(&repscope::format_shape); }
