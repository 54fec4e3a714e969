// Must say first: repscope needs exceptions
// Wrong flags: -fno-exceptions
#include <repscope/selectivity/index.hpp>
