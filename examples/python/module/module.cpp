#include "parts.hpp"

#include <repscope/error.hpp>
#include <repscope/version.hpp>

#include <pybind11/pybind11.h>

#include <exception>
#include <string>

// The part of the package `repscope` that computes. The Python files of the package document and wrap it.
PYBIND11_MODULE(_core, module) {
    namespace py = pybind11;
    py::register_exception_translator([](std::exception_ptr failure) {
        try {
            std::rethrow_exception(failure);
        } catch (const repscope::error& e) {
            PyErr_SetString(PyExc_ValueError, e.what());
        }
    });
    module.attr("__version__") = std::to_string(REPSCOPE_VERSION_MAJOR) + "." +
                                 std::to_string(REPSCOPE_VERSION_MINOR) + "." +
                                 std::to_string(REPSCOPE_VERSION_PATCH);
    python_module::add_statistics(module);
    python_module::add_layers(module);
    python_module::add_corruptions(module);
    python_module::add_gradients(module);
}
