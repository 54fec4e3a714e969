// Expected first message: repscope needs C\+\+20
// Wrong flags: -std=c++17
#include <repscope/selectivity/class_selectivity.hpp>
