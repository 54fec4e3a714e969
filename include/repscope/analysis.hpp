#pragma once

#include "repscope/analysis/layer_accumulator.hpp"
#include "repscope/analysis/layer_options.hpp"
#include "repscope/analysis/layer_report.hpp"
#include "repscope/analysis/layer_similarity.hpp"
#include "repscope/analysis/measure_interval.hpp"
#include "repscope/analysis/measure_set.hpp"
#include "repscope/analysis/shards.hpp"
#include "repscope/analysis/similarity_report.hpp"
#include "repscope/analysis/state_file.hpp"
