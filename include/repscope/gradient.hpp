#pragma once

#include "repscope/gradient/input_unit.hpp"
#include "repscope/gradient/jacobian.hpp"
#include "repscope/gradient/variability.hpp"
