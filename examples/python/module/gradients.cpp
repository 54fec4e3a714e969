#include "conversions.hpp"
#include "parts.hpp"

#include <repscope/error.hpp>
#include <repscope/gradient/input_unit.hpp>
#include <repscope/gradient/variability.hpp>

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace python_module {

namespace py = pybind11;

namespace {

using images_view = repscope::tensor_view<double, 4>;
using const_images_view = repscope::tensor_view<const double, 4>;
using numpy_array = py::array_t<double, py::array::c_style | py::array::forcecast>;

// The memory of a dense view as a NumPy array.
py::array_t<double> array_over(const const_images_view& x) {
    return py::array_t<double>(std::vector<py::ssize_t>(x.extents().begin(), x.extents().end()),
                               x.data_handle(), py::none());
}

const_images_view view_of(const numpy_array& array, const std::array<std::size_t, 4>& extents) {
    if (static_cast<std::size_t>(array.size()) != const_images_view(nullptr, extents).size()) {
        repscope::errors::throw_shape_error(
            "input_unit_gradients", "expected derivatives of shape " + repscope::format_shape(extents) +
                                        ", got " + repscope::errors::text_of(array.size()) + " elements");
    }
    return {array.data(), extents};
}

// A batch of images in a model of Python: an object with `extents`, (channels, rows, columns) of each layer's
// activations; `vjp(layer, upstream)`, which returns the gradient of sum(upstream activation); and
// `tangents(direction)`, which returns the derivatives of all layers in a direction.
class batch_in_python {
  public:
    explicit batch_in_python(py::object batch)
        : batch_(std::move(batch)),
          extents_(batch_.attr("extents").cast<std::vector<std::array<std::size_t, 3>>>()) {}

    [[nodiscard]] std::size_t layers() const { return extents_.size(); }
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t layer,
                                                     const std::array<std::size_t, 4>& images) const {
        const auto& [channels, rows, columns] = extents_[layer];
        return {images[0], channels, rows, columns};
    }
    // Without a loss: only the layers are observed.
    void operator()(const const_images_view&, std::span<const int>, std::span<double>, std::span<int>,
                    const images_view&) const {
        repscope::errors::throw_value_error("input_unit_gradients", "expected no use of a loss");
    }
    void vjp(std::size_t layer, const const_images_view&, const const_images_view& upstream,
             const images_view& gradient) const {
        const auto result = batch_.attr("vjp")(layer, array_over(upstream)).cast<numpy_array>();
        const const_images_view values = view_of(result, gradient.extents());
        std::copy_n(values.data_handle(), values.size(), gradient.data_handle());
    }
    void jvp(std::size_t layer, const const_images_view& images, const const_images_view& tangent,
             const images_view& out) const {
        const auto result = in_direction(tangent)[layer].cast<numpy_array>();
        const const_images_view values = view_of(result, extents(layer, images.extents()));
        std::copy_n(values.data_handle(), values.size(), out.data_handle());
    }
    template <typename Fill, typename Visit>
    void tangents(const const_images_view& images, std::size_t directions, Fill&& fill, Visit&& visit) const {
        std::vector<double> memory(images.size());
        const images_view direction(memory.data(), images.extents());
        for (std::size_t index = 0; index < directions; ++index) {
            fill(index, direction);
            const py::list results = in_direction(direction);
            for (std::size_t layer = 0; layer < layers(); ++layer) {
                const auto result = results[layer].cast<numpy_array>();
                visit(index, layer, view_of(result, extents(layer, images.extents())));
            }
        }
    }

  private:
    [[nodiscard]] py::list in_direction(const const_images_view& direction) const {
        return batch_.attr("tangents")(array_over(direction));
    }

    py::object batch_;
    std::vector<std::array<std::size_t, 3>> extents_;
};

py::dict fields_of_moments(const repscope::gradient_moments& moments) {
    const repscope::gradient_variability_result result = repscope::gradient_variability(moments);
    std::vector<double> means(moments.units());
    for (std::size_t u = 0; u < means.size(); ++u) means[u] = moments.mean(u);
    py::dict fields;
    fields["mean_norm"] = array_from(means);
    fields["cv_samples"] = result.cv_samples;
    fields["cv_samples_error"] = result.cv_samples_error;
    fields["cv_units"] = result.cv_units;
    fields["cv_units_error"] = result.cv_units_error;
    fields["mean"] = result.mean;
    fields["mean_error"] = result.mean_error;
    fields["sd"] = result.sd;
    fields["cv_samples_nonzero"] = result.cv_samples_nonzero;
    fields["zero_fraction"] = result.zero_fraction;
    fields["units"] = result.units;
    fields["dead_units"] = result.dead_units;
    fields["images"] = result.images;
    return fields;
}

// The moments of the gradients of all layers.
class gradient_state {
  public:
    gradient_state(std::size_t probes, std::uint64_t seed) : probes_(probes), seed_(seed) {}

    void add(const py::object& batch, const numpy_array& images, int threads) {
        batch_in_python model(batch);
        std::array<std::size_t, 4> extents{1, 1, 1, 1};
        if (images.ndim() < 2 || images.ndim() > 4) {
            repscope::errors::throw_shape_error("input_unit_gradients",
                                                "expected images of rank 2 to 4, got rank " +
                                                    repscope::errors::text_of(images.ndim()));
        }
        for (py::ssize_t axis = 0; axis < images.ndim(); ++axis)
            extents[static_cast<std::size_t>(axis)] = static_cast<std::size_t>(images.shape(axis));
        std::vector<repscope::layer_gradients> added =
            repscope::input_unit_gradients(model, const_images_view(images.data(), extents),
                                           {.threads = threads,
                                            .probes = probes_,
                                            .seed = seed_,
                                            .first_sample = samples_,
                                            .batch = extents[0]});
        samples_ += extents[0];
        if (layers_.empty()) {
            layers_ = std::move(added);
            return;
        }
        if (added.size() != layers_.size())
            repscope::errors::throw_value_error("input_unit_gradients",
                                                "expected the same layers in each batch");
        for (std::size_t k = 0; k < layers_.size(); ++k) layers_[k].merge(added[k]);
    }

    [[nodiscard]] py::list results() const {
        py::list list;
        for (const repscope::layer_gradients& layer : layers_) {
            py::dict fields;
            fields["l2"] = fields_of_moments(layer.l2);
            // Probes contain no l1 norm.
            fields["l1"] =
                layer.l1.samples() == 0 ? py::object(py::none()) : py::object(fields_of_moments(layer.l1));
            list.append(fields);
        }
        return list;
    }

  private:
    std::size_t probes_;
    std::uint64_t seed_;
    std::size_t samples_ = 0;
    std::vector<repscope::layer_gradients> layers_;
};

} // namespace

void add_gradients(py::module_& module) {
    py::class_<gradient_state>(module, "GradientState")
        .def(py::init<std::size_t, std::uint64_t>())
        .def("add", &gradient_state::add)
        .def("results", &gradient_state::results);
}

} // namespace python_module
