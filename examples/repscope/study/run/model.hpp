#pragma once

#include "images/datasets.hpp"
#include "study/settings.hpp"

#include <repscope/net/onnx_model.hpp>
#include <repscope/parallel/thread_pool.hpp>
#include <repscope/tensor/tensor_view.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace program {

/// A network of a study, of any architecture, in inference mode. Its inputs are images (n, channels, rows,
/// columns) from 0 to 1. It is a model for attacks and for measures of layers (`repscope::differentiable`,
/// `repscope::layered`).
class study_model {
  public:
    using input_view = repscope::tensor_view<const float, 4>;
    using output_view = repscope::tensor_view<float, 4>;
    using tap = std::function<void(std::size_t, std::string_view, const input_view&)>;

    study_model() = default;
    study_model(const study_model&) = delete;
    study_model& operator=(const study_model&) = delete;
    virtual ~study_model() = default;

    /// Writes the most likely class of each image, the lowest of equals, to `predicted`, and calls `look`
    /// with each layer.
    virtual void classify(const input_view& x, std::span<int> predicted, const tap& look) = 0;

    enum class loss { cross_entropy, margin };
    /// The loss of a sample that the model returns from now on.
    virtual void attack_with(loss function) = 0;

    /// Per-sample losses, predictions and gradients.
    virtual void operator()(const input_view& x, std::span<const int> labels, std::span<double> losses,
                            std::span<int> predicted, const output_view& gradient) = 0;
    using logit_view = repscope::tensor_view<float, 2>;
    using logit_function =
        std::function<void(std::size_t, const repscope::tensor_view<const float, 2>&, const logit_view&)>;
    /// The logits of each image, and the gradient of a function of them (`repscope::logit_differentiable`).
    virtual void logits(const input_view& x, const logit_view& to) = 0;
    virtual void logit_vjp(const input_view& x, const logit_function& upstream_of,
                           const output_view& gradient) = 0;
    [[nodiscard]] virtual std::size_t classes(const std::array<std::size_t, 4>& x) const = 0;
    [[nodiscard]] virtual std::size_t layers() const = 0;
    [[nodiscard]] virtual std::array<std::size_t, 4> extents(std::size_t layer,
                                                             const std::array<std::size_t, 4>& x) const = 0;
    virtual void vjp(std::size_t layer, const input_view& x, const input_view& upstream,
                     const output_view& gradient) = 0;
    virtual void jvp(std::size_t layer, const input_view& x, const input_view& tangent,
                     const output_view& out) = 0;
    virtual void unit_gradients(std::size_t layer, const input_view& x,
                                const std::function<void(std::size_t, const input_view&)>& visit) = 0;
    virtual void tangents(const input_view& x, std::size_t directions,
                          const std::function<void(std::size_t, const output_view&)>& fill,
                          const std::function<void(std::size_t, std::size_t, const input_view&)>& visit) = 0;
};

/// A network that is trained as the study trains.
class trainable_model : public study_model {
  public:
    /// Trains from the parameters that the seed of `cell` gives; `done(step)` is called after each step.
    virtual void train(const image_set& images, const study_settings& settings, const study_cell& cell,
                       const std::function<void(std::size_t)>& done) = 0;
    /// Writes the parameters to a file, and reads them from one. Throws `repscope::format_error`.
    virtual void save(const std::string& file) const = 0;
    virtual void load(const std::string& file) = 0;
    /// The network as an ONNX model for images of this shape.
    [[nodiscard]] virtual repscope::net::onnx_model exported(const image_set& images) = 0;
};

/// The network that `settings` asks for, for the images of `data`; it works on the threads of `pool`.
std::unique_ptr<trainable_model> make_study_model(const study_settings& settings, const data_set& data,
                                                  repscope::thread_pool& pool);

/// Steps of training of one network. Throws `usage_error` when the images do not fill a batch.
std::size_t step_count(const study_settings& settings, std::size_t images);

/// Images that go through a network at a time when nothing else limits it.
inline constexpr std::size_t test_batch = 250;

/// Returns, for each of `images`, whether it is classified correctly. `look` is called with the layers of
/// each batch.
std::vector<bool> classify_all(study_model& model, const image_set& images, const study_model::tap& look);

/// The share of those that are true.
double share_of(const std::vector<bool>& right);

} // namespace program
