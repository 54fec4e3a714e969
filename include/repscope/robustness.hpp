#pragma once

#include "repscope/robustness/corruption_error.hpp"
#include "repscope/robustness/fairness.hpp"
