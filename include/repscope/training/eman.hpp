#pragma once

#include "repscope/error.hpp"
#include "repscope/net/concepts.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace training {

/// The parts of a teacher that are moving averages of its student.
enum class ema_scope {
    parameters,                ///< parameters only: the teacher's batch norm keeps its own statistics
    parameters_and_statistics, ///< running means and variances of batch norm as well: EMAN
};

/// Moves a teacher towards its student: t = momentum t + (1 - momentum) s, for every parameter and, with
/// `parameters_and_statistics`, for the running mean and variance of every batch norm.
///
/// Both networks are of one type and architecture. A teacher of which both are averaged is used in inference
/// mode, so that its batch norm does not use its own batches. Throws `value_error` for a momentum outside [0,
/// 1] and `shape_error` if the networks differ in size. O(parameters). Cai, Ravichandran, Maji, Fowlkes, Tu
/// and Soatto 2021 (arXiv 2101.08482).
template <net::network_like Network>
void update_teacher(Network& teacher, const Network& student, double momentum,
                    ema_scope what = ema_scope::parameters_and_statistics) {
    using scalar = typename Network::scalar;
    if (!(momentum >= 0 && momentum <= 1)) {
        errors::throw_value_error("training::update_teacher",
                                  "expected a momentum from 0 to 1, got " + errors::text_of(momentum));
    }
    std::vector<std::span<const scalar>> source;
    const auto note = [&](const std::string&, std::span<const scalar> values) { source.push_back(values); };
    student.visit_parameters(note);
    if (what == ema_scope::parameters_and_statistics) student.visit_state(note);
    std::size_t tensor = 0;
    const auto move = [&](const std::string& name, std::span<scalar> values) {
        if (tensor == source.size() || source[tensor].size() != values.size()) {
            errors::throw_shape_error("training::update_teacher",
                                      "expected a student of the teacher's size, and it differs at " + name);
        }
        const std::span<const scalar> from = source[tensor++];
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = static_cast<scalar>(momentum * static_cast<double>(values[i]) +
                                            (1 - momentum) * static_cast<double>(from[i]));
        }
    };
    teacher.visit_parameters(move);
    if (what == ema_scope::parameters_and_statistics) teacher.visit_state(move);
}

} // namespace training
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
