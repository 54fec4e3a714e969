#include "study/run/conditions.hpp"

#include "study/run/layer_capture.hpp"
#include "support/stopwatch.hpp"

#include <repscope/attack/autoattack.hpp>
#include <repscope/attack/fgsm.hpp>
#include <repscope/attack/pgd.hpp>
#include <repscope/attack/random_signs.hpp>
#include <repscope/corruption/kind.hpp>
#include <repscope/statistics/summary.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <utility>

namespace program {

namespace {

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

    [[nodiscard]] reference_result reference() const {
        return {compared_, compared_layers(clean_, data_.test.labels, pool_)};
    }

    condition_result measure(const condition& what) {
        condition_result result{
            .kind = what.kind, .name = what.name, .severity = what.severity, .eps = what.eps};
        result.images = images_of(what, settings_, data_);
        image_provider provider;
        std::vector<float> perturbed;
        if (what.kind == condition_kind::corruption) {
            const image_set& set = corrupted_.under(what.name, what.severity);
            provider = [this, &set](std::size_t first, std::size_t count) {
                return unit_interval(set, first, count, pixels_);
            };
        } else {
            result.seed = condition_seed;
            perturbed = what.kind == condition_kind::attack ? attacked(result)
                                                            : with_random_signs(result, what.place);
            const std::size_t pixels = std::min(picture_count, result.images) * data_.test.image_size();
            for (std::size_t p = 0; p < pixels; ++p)
                result.pixels.push_back(static_cast<std::uint8_t>(std::lround(255.0F * perturbed[p])));
            provider = [this, &perturbed](std::size_t first, std::size_t count) {
                return input_view(perturbed.data() + first * data_.test.image_size(), extents(count));
            };
        }
        // Of the maps, which are many numbers, the middle severity represents a corruption.
        const bool with_maps = what.kind != condition_kind::corruption || what.severity == 3;
        layer_capture seen(compared_, with_maps ? model_.layers() / 2 : 0, pool_);
        const perturbation_size size = classify(provider, result.images, seen, &result.correct);
        result.accuracy = share_of(result.correct);
        result.mean_l2 = size.l2 / static_cast<double>(result.images);
        result.mean_linf = size.linf / static_cast<double>(result.images);
        result.layers = compared_layers(seen, clean_, data_.test.labels, pool_);
        return result;
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

    // The images under the attack of `result`, whose steps are filled in.
    std::vector<float> attacked(condition_result& result) {
        const input_view x = unit_interval(data_.test, 0, result.images, clean_pixels_);
        const auto labels = std::span(data_.test.labels).first(result.images);
        const auto pixels_of = [](const auto& attacked_images) {
            const auto& pixels = attacked_images.adversarial;
            return std::vector<float>(pixels.data_handle(), pixels.data_handle() + pixels.size());
        };
        if (result.name == "autoattack") {
            const auto survived = attack::autoattack(
                model_, x, labels, {.threads = pool_, .eps = result.eps, .seed = condition_seed});
            for (std::size_t k = 0; k < survived.after.size(); ++k) {
                result.after.emplace_back(to_string(survived.components[k].kind), survived.after[k]);
            }
            return pixels_of(survived);
        }
        result.restarts = 1;
        if (result.name == "fgsm") {
            result.steps = 1;
            result.step_size = result.eps;
            return pixels_of(
                attack::fgsm(model_, x, labels, {.threads = pool_, .eps = result.eps, .outcome = false}));
        }
        model_.attack_with(result.name == "pgd-margin" ? study_model::loss::margin
                                                       : study_model::loss::cross_entropy);
        const auto attacked_images = attack::pgd(model_, x, labels,
                                                 {.threads = pool_,
                                                  .eps = result.eps,
                                                  .steps = settings_.attack_steps,
                                                  .returned = attack::iterate::last,
                                                  .seed = condition_seed});
        model_.attack_with(study_model::loss::cross_entropy);
        result.steps = settings_.attack_steps;
        result.step_size = attacked_images.step_size;
        return pixels_of(attacked_images);
    }

    // `place` is that of the size among those of the study: each has draws of its own.
    std::vector<float> with_random_signs(const condition_result& result, std::size_t place) {
        const auto perturbed =
            attack::random_signs(unit_interval(data_.test, 0, result.images, clean_pixels_),
                                 {.threads = pool_,
                                  .eps = result.eps,
                                  .seed = condition_seed,
                                  .draw = static_cast<std::uint32_t>(place)});
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

bool uses_autoattack(const study_settings& settings) {
    return std::find(settings.attacks.begin(), settings.attacks.end(), "autoattack") !=
           settings.attacks.end();
}

double passes_of(const condition& what, const study_settings& settings, const data_set& data,
                 double backward) {
    const auto images = static_cast<double>(images_of(what, settings, data));
    if (what.kind != condition_kind::attack) return images;
    if (what.name == "fgsm") return images * (1.0 + backward);
    // A third of the images survives all components of AutoAttack.
    if (what.name == "autoattack") return images / 3 * (5900.0 + 1900.0 * backward);
    return images * (1.0 + static_cast<double>(settings.attack_steps) * backward);
}

} // namespace

std::vector<condition> conditions_of(const study_settings& settings) {
    std::vector<condition> conditions;
    if (settings.corruption_images > 0) {
        for (const std::string_view name : repscope::corruption::common) {
            for (int severity = 1; severity <= 5; ++severity) {
                conditions.push_back(
                    {.kind = condition_kind::corruption, .name = std::string(name), .severity = severity});
            }
        }
    }
    if (settings.attack_images > 0) {
        std::vector<std::string> attacks;
        for (const std::string& attack : settings.attacks) {
            attacks.push_back(attack);
            if (attack == "pgd") attacks.emplace_back("pgd-margin");
        }
        attacks.emplace_back(); // random signs
        for (const std::string& attack : attacks) {
            for (std::size_t k = 0; k < settings.eps.size(); ++k) {
                conditions.push_back(
                    {.kind = attack.empty() ? condition_kind::random : condition_kind::attack,
                     .name = attack,
                     .eps = settings.eps[k] / 255.0,
                     .place = k});
            }
        }
    }
    return conditions;
}

std::size_t images_of(const condition& what, const study_settings& settings, const data_set& data) {
    if (what.kind == condition_kind::corruption)
        return std::min(data.test.images, settings.corruption_images);
    const std::size_t attacked = std::min(data.test.images, settings.attack_images);
    return what.name == "autoattack" ? std::min(attacked, settings.autoattack_images) : attacked;
}

std::size_t compared_images(const study_settings& settings, const data_set& data) {
    std::size_t images = std::min<std::size_t>(500, data.test.images);
    if (settings.corruption_images > 0) images = std::min(images, settings.corruption_images);
    if (settings.attack_images > 0) images = std::min(images, settings.attack_images);
    if (settings.attack_images > 0 && uses_autoattack(settings)) {
        images = std::min(images, settings.autoattack_images);
    }
    return images;
}

std::size_t gradient_images(const study_settings& settings, const data_set& data) {
    return std::min(data.test.images, settings.gradient_images);
}

data_summary summary_of(const data_set& data) {
    return {data.name, data.train.images, data.test.images, data.sha256};
}

condition_options options_of(const study_settings& settings, const data_set& data) {
    return {.corruption_images = std::min(settings.corruption_images, data.test.images),
            .attack_images = std::min(settings.attack_images, data.test.images),
            .gradient_images = gradient_images(settings, data),
            .compared_images = compared_images(settings, data),
            .eps = settings.eps,
            .attack_steps = settings.attack_steps,
            .frost = settings.frost_textures.empty() ? "procedural" : settings.frost_textures,
            .attacks =
                settings.attacks == study_settings{}.attacks ? std::vector<std::string>{} : settings.attacks,
            .autoattack_images =
                uses_autoattack(settings)
                    ? std::min({settings.autoattack_images, settings.attack_images, data.test.images})
                    : 0};
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
        results.conditions.push_back(runner.measure(what));
        (what.kind == condition_kind::corruption ? results.corruption_seconds : results.attack_seconds) +=
            watch.lap();
        passed += passes_of(what, settings, data, backward);
        done(passed / all);
    }
    return results;
}

std::optional<corruption_means> mean_corruption_accuracy(const std::vector<condition_result>& conditions) {
    repscope::running_mean all, without_frost;
    for (const condition_result& condition : conditions) {
        if (condition.kind != condition_kind::corruption) continue;
        all.add(condition.accuracy);
        if (condition.name != "frost") without_frost.add(condition.accuracy);
    }
    if (all.count() == 0) return std::nullopt;
    return corruption_means{all.value(), without_frost.value()};
}

double passes_of_conditions(const study_settings& settings, const data_set& data, double backward) {
    double passes = 0.0;
    for (const condition& what : conditions_of(settings)) passes += passes_of(what, settings, data, backward);
    return passes;
}

} // namespace program
