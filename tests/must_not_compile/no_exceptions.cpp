// Expected first message: repscope needs exceptions
// Wrong flags: -fno-exceptions
#include <repscope/selectivity/class_selectivity.hpp>
