#pragma once

#include "repscope/moments/activation_counts.hpp"
#include "repscope/moments/blocked_class_sums.hpp"
#include "repscope/moments/class_moments.hpp"
#include "repscope/moments/class_sums.hpp"
#include "repscope/moments/covariance.hpp"
#include "repscope/moments/covariance_sketch.hpp"
#include "repscope/moments/cross_covariance.hpp"
#include "repscope/moments/gradient_moments.hpp"
#include "repscope/moments/normalized_class_moments.hpp"
#include "repscope/moments/scatter_matrix.hpp"
#include "repscope/moments/update_options.hpp"
#include "repscope/moments/value_histogram.hpp"
