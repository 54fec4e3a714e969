#pragma once

#include "repscope/analysis/shards.hpp"
#include "repscope/analysis/state_file.hpp"
