#pragma once

#include "repscope/geometry/class_center.hpp"
#include "repscope/geometry/class_distance_variance.hpp"
#include "repscope/geometry/class_mean_rsa.hpp"
#include "repscope/geometry/class_scatter.hpp"
#include "repscope/geometry/class_separation.hpp"
#include "repscope/geometry/lidar.hpp"
#include "repscope/geometry/linear_cka.hpp"
#include "repscope/geometry/linear_cka_interval.hpp"
#include "repscope/geometry/linear_cka_matrix.hpp"
#include "repscope/geometry/neural_collapse.hpp"
#include "repscope/geometry/procrustes.hpp"
#include "repscope/geometry/representation_drift.hpp"
