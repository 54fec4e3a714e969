#include "study/run/conditions.hpp"

#include "study/run/layer_capture.hpp"
#include "support/stopwatch.hpp"

#include <repscope/attack/fgsm.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/attack/random_signs.hpp>
#include <repscope/corruption/kind.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

namespace program {

namespace {

using json = nlohmann::ordered_json;
using input_view = study_model::input_view;
namespace attack = repscope::attack;

// Of the attacks and the random signs; the networks' seeds are of their training.
constexpr std::uint64_t condition_seed = 0;

// The images [first, first + count) of a condition.
using image_provider = std::function<input_view(std::size_t, std::size_t)>;

// How far images are from the clean ones.
struct perturbation_size {
    double l2 = 0.0;
    double linf = 0.0;
};

perturbation_size size_of(const input_view& clean, const input_view& seen) {
    perturbation_size total;
    const std::size_t numbers = clean.extent(1) * clean.extent(2) * clean.extent(3);
    for (std::size_t n = 0; n < clean.extent(0); ++n) {
        double squares = 0.0;
        double largest = 0.0;
        for (std::size_t p = 0; p < numbers; ++p) {
            const double change = std::abs(static_cast<double>(seen.data_handle()[n * numbers + p]) -
                                           static_cast<double>(clean.data_handle()[n * numbers + p]));
            squares += change * change;
            largest = std::max(largest, change);
        }
        total.l2 += std::sqrt(squares);
        total.linf += largest;
    }
    return total;
}

class condition_runner {
  public:
    condition_runner(study_model& model, const study_settings& settings, const data_set& data,
                     corrupted_images& corrupted, repscope::thread_pool& pool)
        : model_(model), settings_(settings), data_(data), corrupted_(corrupted), pool_(pool),
          compared_(compared_images(settings, data)), clean_(compared_, model.layers() / 2, pool) {
        image_provider clean = [this](std::size_t first, std::size_t count) {
            return unit_interval(data_.test, first, count, clean_pixels_);
        };
        classify(clean, compared_, clean_);
    }

    [[nodiscard]] json reference() const {
        json object;
        object["images"] = compared_;
        object["layers"] = captured_json(clean_, pool_);
        return object;
    }

    // The object of a condition; `right` gets an entry an image, `pictures` the pixels of some.
    json measure(const condition& what, std::vector<bool>& right, std::vector<std::uint8_t>& pictures) {
        json object;
        object["kind"] = what.kind;
        const std::size_t images = images_of(what, settings_, data_);
        image_provider provider;
        std::vector<float> perturbed;
        if (what.kind == "corruption") {
            object["name"] = what.name;
            object["severity"] = what.severity;
            const image_set& set = corrupted_.under(what.name, what.severity);
            provider = [this, &set](std::size_t first, std::size_t count) {
                return unit_interval(set, first, count, pixels_);
            };
        } else {
            perturbed = what.kind == "attack" ? attacked(what, images, object)
                                              : with_random_signs(what, images, object);
            const std::size_t pixels = std::min(picture_count, images) * data_.test.image_size();
            for (std::size_t p = 0; p < pixels; ++p)
                pictures.push_back(static_cast<std::uint8_t>(std::lround(255.0F * perturbed[p])));
            provider = [this, &perturbed](std::size_t first, std::size_t count) {
                return input_view(perturbed.data() + first * data_.test.image_size(), extents(count));
            };
        }
        object["images"] = images;
        // Of the maps, which are many numbers, the middle severity stands for a corruption.
        const bool with_maps = what.kind != "corruption" || what.severity == 3;
        layer_capture seen(compared_, with_maps ? model_.layers() / 2 : 0, pool_);
        const perturbation_size size = classify(provider, images, seen, &right);
        object["accuracy"] = share_of(right);
        object["mean_l2"] = size.l2 / static_cast<double>(images);
        object["mean_linf"] = size.linf / static_cast<double>(images);
        object["layers"] = captured_json(seen, clean_, pool_);
        return object;
    }

  private:
    [[nodiscard]] std::array<std::size_t, 4> extents(std::size_t count) const {
        return {count, data_.test.channels, data_.test.rows, data_.test.columns};
    }

    perturbation_size classify(const image_provider& images, std::size_t count, layer_capture& seen,
                               std::vector<bool>* right = nullptr) {
        perturbation_size total;
        std::vector<int> predicted(test_batch);
        for (std::size_t first = 0; first < count; first += test_batch) {
            const std::size_t now = std::min(test_batch, count - first);
            const input_view x = images(first, now);
            study_model::tap look;
            if (first < seen.images()) look = std::ref(seen);
            model_.classify(x, predicted, look);
            if (right == nullptr) continue;
            for (std::size_t i = 0; i < now; ++i)
                right->push_back(predicted[i] == data_.test.labels[first + i]);
            const perturbation_size part = size_of(unit_interval(data_.test, first, now, clean_pixels_), x);
            total.l2 += part.l2;
            total.linf += part.linf;
        }
        return total;
    }

    std::vector<float> attacked(const condition& what, std::size_t images, json& object) {
        const input_view x = unit_interval(data_.test, 0, images, clean_pixels_);
        const auto labels = std::span(data_.test.labels).first(images);
        object["name"] = what.name;
        object["norm"] = "linf";
        object["eps"] = what.eps;
        const auto describe = [&](std::size_t steps, double step_size) {
            object["steps"] = steps;
            object["step_size"] = step_size;
            object["restarts"] = 1;
            object["seed"] = condition_seed;
        };
        const auto pixels_of = [](const auto& found) {
            return std::vector<float>(found.adversarial.data_handle(),
                                      found.adversarial.data_handle() + found.adversarial.size());
        };
        if (what.name == "fgsm") {
            describe(1, what.eps);
            return pixels_of(attack::fgsm(model_, x, labels, {.threads = pool_, .eps = what.eps}));
        }
        model_.attack_with(what.name == "pgd-margin" ? study_model::loss::margin
                                                     : study_model::loss::cross_entropy);
        const auto found = attack::pgd(model_, x, labels,
                                       {.threads = pool_,
                                        .eps = what.eps,
                                        .steps = settings_.attack_steps,
                                        .returned = attack::iterate::last,
                                        .seed = condition_seed});
        model_.attack_with(study_model::loss::cross_entropy);
        describe(settings_.attack_steps, found.step_size);
        return pixels_of(found);
    }

    std::vector<float> with_random_signs(const condition& what, std::size_t images, json& object) {
        object["norm"] = "linf";
        object["eps"] = what.eps;
        object["seed"] = condition_seed;
        const auto perturbed = attack::random_signs(unit_interval(data_.test, 0, images, clean_pixels_),
                                                    {.threads = pool_,
                                                     .eps = what.eps,
                                                     .seed = condition_seed,
                                                     .draw = static_cast<std::uint32_t>(what.place)});
        return {perturbed.data_handle(), perturbed.data_handle() + perturbed.size()};
    }

    study_model& model_;
    const study_settings& settings_;
    const data_set& data_;
    corrupted_images& corrupted_;
    repscope::thread_pool& pool_;
    std::size_t compared_;
    layer_capture clean_;
    std::vector<float> clean_pixels_;
    std::vector<float> pixels_;
};

double passes_of(const condition& what, const study_settings& settings, const data_set& data,
                 double backward) {
    const auto images = static_cast<double>(images_of(what, settings, data));
    if (what.kind != "attack") return images;
    if (what.name == "fgsm") return images * (2.0 + backward);
    return images * (1.0 + static_cast<double>(settings.attack_steps) * backward);
}

} // namespace

std::vector<condition> conditions_of(const study_settings& settings) {
    std::vector<condition> conditions;
    if (settings.corruption_images > 0) {
        for (const std::string_view name : repscope::corruption::common) {
            for (int severity = 1; severity <= 5; ++severity) {
                conditions.push_back({.kind = "corruption", .name = std::string(name), .severity = severity});
            }
        }
    }
    if (settings.attack_images > 0) {
        for (const char* name : {"fgsm", "pgd", "pgd-margin", ""}) {
            const std::string attack = name;
            for (std::size_t k = 0; k < settings.eps.size(); ++k) {
                conditions.push_back({.kind = attack.empty() ? "random" : "attack",
                                      .name = attack,
                                      .eps = settings.eps[k] / 255.0,
                                      .place = k});
            }
        }
    }
    return conditions;
}

std::size_t images_of(const condition& what, const study_settings& settings, const data_set& data) {
    return std::min(data.test.images,
                    what.kind == "corruption" ? settings.corruption_images : settings.attack_images);
}

std::size_t compared_images(const study_settings& settings, const data_set& data) {
    std::size_t images = std::min<std::size_t>(500, data.test.images);
    if (settings.corruption_images > 0) images = std::min(images, settings.corruption_images);
    if (settings.attack_images > 0) images = std::min(images, settings.attack_images);
    return images;
}

std::size_t gradient_images(const study_settings& settings, const data_set& data) {
    return std::min(data.test.images, settings.gradient_images);
}

condition_results measure_conditions(study_model& model, const study_settings& settings, const data_set& data,
                                     corrupted_images& corrupted, repscope::thread_pool& pool,
                                     const std::function<void(double)>& done) {
    condition_results results;
    const auto conditions = conditions_of(settings);
    condition_runner runner(model, settings, data, corrupted, pool);
    results.reference = runner.reference();
    // Shares in passes, a gradient counting as two more.
    constexpr double backward = 3.0;
    const double all = passes_of_conditions(settings, data, backward);
    double passed = 0.0;
    for (const condition& what : conditions) {
        stopwatch watch;
        results.conditions.push_back(
            runner.measure(what, results.right.emplace_back(), results.pictures.emplace_back()));
        (what.kind == "corruption" ? results.corruption_seconds : results.attack_seconds) += watch.lap();
        passed += passes_of(what, settings, data, backward);
        done(passed / all);
    }
    return results;
}

nlohmann::ordered_json mean_corruption_accuracy(const json& conditions) {
    double sum = 0.0;
    double sum_without = 0.0;
    std::size_t count = 0;
    std::size_t count_without = 0;
    for (const auto& condition : conditions) {
        if (condition["kind"] != "corruption") continue;
        sum += condition["accuracy"].get<double>();
        ++count;
        if (condition["name"] == "frost") continue;
        sum_without += condition["accuracy"].get<double>();
        ++count_without;
    }
    if (count == 0) return nullptr;
    return {{"all", sum / static_cast<double>(count)},
            {"without_frost", sum_without / static_cast<double>(count_without)}};
}

double passes_of_conditions(const study_settings& settings, const data_set& data, double backward) {
    double passes = 0.0;
    for (const condition& what : conditions_of(settings)) passes += passes_of(what, settings, data, backward);
    return passes;
}

} // namespace program
