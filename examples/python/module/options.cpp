#include "options.hpp"

#include "measure/choice/measure_list.hpp"
#include "support/errors.hpp"

#include <repscope/error.hpp>

#include <pybind11/stl.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

namespace python_module {

namespace analysis = repscope::analysis;

namespace {

// The value of an option that is one of several names.
template <typename Value>
Value one_of(const char* option, const std::string& name,
             std::initializer_list<std::pair<const char*, Value>> values) {
    std::string names;
    for (const auto& [known, value] : values) {
        if (name == known) return value;
        names += (names.empty() ? "" : ", ") + std::string(known);
    }
    repscope::errors::throw_value_error(option, "expected one of " + names + ", got '" + name + "'");
}

} // namespace

std::size_t thread_count(int threads) {
    if (threads < 0 || threads > 4096) {
        repscope::errors::throw_value_error("threads", "expected 0 (all cores) to 4096, got " +
                                                           repscope::errors::text_of(threads));
    }
    return static_cast<std::size_t>(threads);
}

repscope::negative_policy policy_of(const std::string& name) {
    using repscope::negative_policy;
    return one_of<negative_policy>("signed", name,
                                   {{"undefined", negative_policy::undefined},
                                    {"rectify", negative_policy::rectify},
                                    {"shift", negative_policy::shift}});
}

analysis::layer_accumulator_options accumulator_options(const pybind11::dict& options, std::size_t classes,
                                                        bool compares) {
    const auto text = [&](const char* key) { return options[key].cast<std::string>(); };
    const int threads = options["threads"].cast<int>();
    thread_count(threads);
    analysis::layer_accumulator_options result;
    result.threads = threads;
    result.classes = classes;
    try {
        result.measures = program::parse_measures(options["measures"].cast<std::vector<std::string>>(),
                                                  {.labels = classes != 0, .compare = compares});
    } catch (const program::usage_error& e) {
        throw repscope::value_error(e.what());
    }
    result.negatives = policy_of(text("signed"));
    result.epsilon = options["epsilon"].cast<double>();
    result.inference = options["inference"].cast<bool>();
    result.trace = one_of<analysis::trace_method>("method", text("method"),
                                                  {{"exact", analysis::trace_method::exact},
                                                   {"blocks", analysis::trace_method::blocks},
                                                   {"sketch", analysis::trace_method::sketch},
                                                   {"auto", analysis::trace_method::automatic}});
    result.null = one_of<analysis::null_method>("null", text("null"),
                                                {{"saddlepoint", analysis::null_method::saddlepoint},
                                                 {"permutation", analysis::null_method::permutation}});
    result.permutations = options["permutations"].cast<std::size_t>();
    result.products = one_of<repscope::product_precision>(
        "precision", text("precision"),
        {{"double", repscope::product_precision::float64}, {"float", repscope::product_precision::float32}});
    result.max_bytes = options["memory"].cast<std::size_t>();
    return result;
}

} // namespace python_module
