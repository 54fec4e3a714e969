#pragma once

#include "repscope/statistics/blocked_permutation.hpp"
#include "repscope/statistics/distributions.hpp"
#include "repscope/statistics/effect_size.hpp"
#include "repscope/statistics/interval.hpp"
#include "repscope/statistics/mcnemar.hpp"
#include "repscope/statistics/mean_interval.hpp"
#include "repscope/statistics/multiple_testing.hpp"
#include "repscope/statistics/proportion_interval.hpp"
#include "repscope/statistics/rank_correlation.hpp"
#include "repscope/statistics/sign_flip.hpp"
#include "repscope/statistics/spearman_interval.hpp"
#include "repscope/statistics/summary.hpp"
