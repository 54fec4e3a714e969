#pragma once

#include "repscope/tensor/array.hpp"
#include "repscope/tensor/as_view.hpp"
#include "repscope/tensor/layout.hpp"
#include "repscope/tensor/scalar.hpp"
#include "repscope/tensor/shape.hpp"
#include "repscope/tensor/slice.hpp"
#include "repscope/tensor/tensor_traits.hpp"
#include "repscope/tensor/tensor_view.hpp"
#include "repscope/tensor/unit_values.hpp"
