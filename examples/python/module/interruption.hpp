#pragma once

#include <pybind11/pybind11.h>

namespace python_module {

/// Throws the exception of a signal handler of Python, such as `KeyboardInterrupt` after Ctrl-C. Called
/// between parts of a long computation, without the GIL. Python runs handlers in its main thread only.
inline void throw_if_interrupted() {
    const pybind11::gil_scoped_acquire gil;
    if (PyErr_CheckSignals() != 0) throw pybind11::error_already_set();
}

} // namespace python_module
