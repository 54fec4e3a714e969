#pragma once

#include "repscope/model/concepts.hpp"
#include "repscope/model/layer_tap.hpp"
#include "repscope/model/normalized.hpp"
