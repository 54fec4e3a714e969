// Must say first: repscope needs exceptions
// Wrong flags: -fno-exceptions
#include <repscope/selectivity/class_selectivity.hpp>
