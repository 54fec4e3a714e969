#pragma once

#include "repscope/data/colored_environment.hpp"
#include "repscope/error.hpp"
#include "repscope/random/random_stream.hpp"
#include "repscope/random/streams.hpp"
#include "repscope/tensor/array.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace data {

/// A synthetic data set with the structure of a toxicity study: a label, a sensitive attribute that
/// correlates with it, and features that depend on both.
struct attribute_options {
    std::size_t samples = 4000;  ///< number of samples
    double agreement = .9;       ///< P(label = attribute)
    std::size_t features = 16;   ///< the first half depends on the label, the second on the attribute
    double label_signal = 1.5;   ///< distance of the two classes, in standard deviations of the noise
    double attribute_signal = 3; ///< distance of the two groups
    std::uint64_t seed = 0;      ///< seed of the random draws
    std::size_t environment = 0; ///< the draws depend on it and on the seed
};

/// Samples of a classification task with an attribute.
template <typename Scalar>
struct attributed_samples {
    array<Scalar, 4> x;                 ///< (samples, features, 1, 1)
    std::vector<int> labels, attribute; ///< 0 or 1 per sample
};

/// Draws an environment. Label and attribute are each 1 with probability 1/2 and agree with probability
/// `agreement`: (0,0) and (1,1) have agreement / 2, the other two (1 - agreement) / 2. A feature of the first
/// half is +-label_signal / (2 sqrt(features / 2)) by the label plus a standard normal, one of the second
/// half the same of the attribute, so the two classes are `label_signal` apart in the direction that
/// separates them best. Given the label, the first half has the same distribution in every environment, for
/// any agreement; an invariant predictor uses it. Throws `value_error` for a probability outside [0, 1] and
/// without features. O(samples features). After Adragna, Creager, Madras and Zemel 2020 (arXiv 2011.06485),
/// whose comments are not part of it.
template <typename Scalar = float>
[[nodiscard]] attributed_samples<Scalar> attribute_environment(const attribute_options& how) {
    constexpr const char* function = "data::attribute_environment";
    detail::check_share(function, "an agreement", how.agreement);
    if (how.features < 2 || how.features % 2 != 0) {
        errors::throw_value_error(function, "expected an even number of features above 0, got " +
                                                errors::text_of(how.features));
    }
    attributed_samples<Scalar> made{array<Scalar, 4>({how.samples, how.features, 1, 1}),
                                    std::vector<int>(how.samples), std::vector<int>(how.samples)};
    const std::size_t half = how.features / 2;
    const double share = 1 / (2 * std::sqrt(static_cast<double>(half)));
    const auto stream =
        streams::id(streams::purpose::environment, static_cast<std::uint32_t>(how.environment), 1);
    for (std::size_t i = 0; i < how.samples; ++i) {
        random_stream random(how.seed, stream, static_cast<std::uint32_t>(i));
        const bool label = random.uniform() < .5;
        const bool attribute = label == (random.uniform() < how.agreement);
        made.labels[i] = label ? 1 : 0;
        made.attribute[i] = attribute ? 1 : 0;
        for (std::size_t f = 0; f < how.features; ++f) {
            const double signal = f < half ? (label ? how.label_signal : -how.label_signal)
                                           : (attribute ? how.attribute_signal : -how.attribute_signal);
            made.x(i, f, 0, 0) = static_cast<Scalar>(share * signal + random.normal());
        }
    }
    return made;
}

} // namespace data
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
