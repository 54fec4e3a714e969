#include "report.hpp"

#include "conversions.hpp"

#include <pybind11/stl.h>

#include <cstddef>
#include <string>
#include <variant>

namespace python_module {

namespace py = pybind11;

namespace {

py::object object_of(std::monostate) { return py::none(); }
template <typename T>
py::object object_of(const T& value) {
    return py::cast(value);
}
py::object object_of(const std::vector<double>& values) { return array_from(values); }
py::object object_of(const std::vector<repscope::interval>& intervals) {
    py::array_t<double> bounds({static_cast<py::ssize_t>(intervals.size()), py::ssize_t{2}});
    double* to = bounds.mutable_data();
    for (const repscope::interval& ci : intervals) {
        *to++ = ci.low;
        *to++ = ci.high;
    }
    return bounds;
}
py::object object_of(const std::vector<program::label_value>& labels) {
    py::list list;
    for (const auto& label : labels)
        list.append(std::visit([](const auto& held) { return object_of(held); }, label));
    return list;
}

} // namespace

py::dict dict_of(const std::vector<program::layer_field>& fields) {
    py::dict object;
    for (const program::layer_field& field : fields) {
        py::dict inner = object;
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = field.key.find('.', begin)) != std::string::npos; begin = end + 1) {
            const py::str key(field.key.substr(begin, end - begin));
            if (!inner.contains(key)) inner[key] = py::dict();
            inner = inner[key];
        }
        inner[py::str(field.key.substr(begin))] =
            std::visit([](const auto& held) { return object_of(held); }, field.value);
    }
    return object;
}

py::dict dict_of(const program::layer_report& report) {
    py::dict object = dict_of(program::fields_of(report));
    const bool has_spectrum = report.measures.contains_any(repscope::analysis::spectrum_measures);
    object["eigenvalues"] =
        has_spectrum ? py::object(array_from(report.dimensionality.spectrum)) : py::object(py::none());
    object["notes"] = program::notes_on(report);
    return object;
}

} // namespace python_module
