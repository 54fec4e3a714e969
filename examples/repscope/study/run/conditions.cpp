#include "study/run/conditions.hpp"

#include "study/run/distances.hpp"
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

// How far samples are from the clean ones, appended to a result.
void add_distances(const input_view& clean, const input_view& seen, condition_result& result) {
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
        result.l2.push_back(std::sqrt(squares));
        result.linf.push_back(largest);
    }
}

// The sums of 250 are added, which gives the same bits as earlier versions.
double mean_by_batches(const std::vector<double>& values) {
    double total = 0.0;
    for (std::size_t first = 0; first < values.size(); first += test_batch) {
        double part = 0.0;
        for (std::size_t n = first; n < std::min(values.size(), first + test_batch); ++n) part += values[n];
        total += part;
    }
    return total / static_cast<double>(values.size());
}

} // namespace

condition_runner::condition_runner(study_model& model, const condition_settings& settings,
                                   const labeled_inputs& inputs, corrupted_images* corrupted,
                                   repscope::thread_pool& pool)
    : model_(model), settings_(settings), inputs_(inputs), corrupted_(corrupted), pool_(pool),
      compared_(compared_images(settings, inputs.samples())),
      mapped_layers_(settings.early_maps ? model.layers() / 2 : 0), clean_(compared_, mapped_layers_, pool) {
    const image_provider clean = [this](std::size_t first, std::size_t count) {
        return inputs_.read(first, count, clean_pixels_);
    };
    classify(clean, compared_, clean_, nullptr);
}

condition_result condition_runner::measure(const condition& what) {
    condition_result result{.kind = what.kind,
                            .name = what.name,
                            .severity = what.severity,
                            .norm = std::string(to_string(settings_.ball)),
                            .eps = what.eps * inputs_.width(),
                            .range = inputs_.width()};
    result.images = images_of(what, settings_, inputs_.samples());
    image_provider provider;
    perturbed_.clear();
    if (what.kind == condition_kind::corruption) {
        const image_set& set = corrupted_->under(what.name, what.severity);
        provider = [this, &set](std::size_t first, std::size_t count) {
            return inputs_.read(set, first, count, pixels_);
        };
    } else {
        result.seed = condition_seed;
        perturbed_ =
            what.kind == condition_kind::attack ? attacked(result) : with_random_signs(result, what.place);
        result.pixels = pictures(result.images);
        provider = [this](std::size_t first, std::size_t count) {
            return input_view(perturbed_.data() + first * inputs_.sample_size(), inputs_.extents(count));
        };
    }
    // Of the maps, which are many numbers, the middle severity represents a corruption.
    const bool with_maps = what.kind != condition_kind::corruption || what.severity == 3;
    layer_capture seen(compared_, with_maps ? mapped_layers_ : 0, pool_);
    classify(provider, result.images, seen, &result);
    result.accuracy = share_of(result.correct);
    result.mean_l2 = mean_by_batches(result.l2);
    result.mean_linf = mean_by_batches(result.linf);
    result.layers = compared_layers(seen, clean_, inputs_.labels(), pool_);
    return result;
}

// The outcomes and distances of all images are appended to `result`, unless that is null.
void condition_runner::classify(const image_provider& images, std::size_t count, layer_capture& seen,
                                condition_result* result) {
    const std::size_t batch = settings_.batch;
    std::vector<int> predicted(batch);
    for (std::size_t first = 0; first < count; first += batch) {
        const std::size_t now = std::min(batch, count - first);
        const input_view x = images(first, now);
        study_model::tap look;
        if (first < seen.images()) look = std::ref(seen);
        model_.classify(x, std::span(predicted).first(now), look);
        if (result == nullptr) continue;
        for (std::size_t i = 0; i < now; ++i)
            result->correct.push_back(predicted[i] == inputs_.labels()[first + i]);
        result->predicted.insert(result->predicted.end(), predicted.begin(),
                                 predicted.begin() + static_cast<std::ptrdiff_t>(now));
        add_distances(inputs_.read(first, now, clean_pixels_), x, *result);
    }
}

// The images under the attack of `result`, whose steps are filled in.
std::vector<float> condition_runner::attacked(condition_result& result) {
    const input_view x = inputs_.read(0, result.images, clean_pixels_);
    const auto labels = inputs_.labels().first(result.images);
    const auto pixels_of = [](const auto& attacked_images) {
        const auto& pixels = attacked_images.adversarial;
        return std::vector<float>(pixels.data_handle(), pixels.data_handle() + pixels.size());
    };
    if (result.name == "autoattack") {
        const auto survived = attack::autoattack(model_, x, labels,
                                                 {.threads = pool_,
                                                  .ball = settings_.ball,
                                                  .eps = result.eps,
                                                  .bounds = inputs_.bounds(),
                                                  .seed = condition_seed});
        for (const auto& warning : survived.warnings) result.warnings.push_back(to_string(warning));
        for (std::size_t k = 0; k < survived.after.size(); ++k) {
            result.after.emplace_back(to_string(survived.components[k].kind), survived.after[k]);
        }
        return pixels_of(survived);
    }
    result.restarts = 1;
    if (result.name == "fgsm") {
        result.steps = 1;
        result.step_size = result.eps;
        return pixels_of(attack::fgsm(model_, x, labels,
                                      {.threads = pool_,
                                       .ball = settings_.ball,
                                       .eps = result.eps,
                                       .outcome = false,
                                       .bounds = inputs_.bounds()}));
    }
    model_.attack_with(result.name == "pgd-margin" ? study_model::loss::margin
                                                   : study_model::loss::cross_entropy);
    const auto attacked_images = attack::pgd(model_, x, labels,
                                             {.threads = pool_,
                                              .ball = settings_.ball,
                                              .eps = result.eps,
                                              .steps = settings_.attack_steps,
                                              .returned = attack::iterate::last,
                                              .bounds = inputs_.bounds(),
                                              .seed = condition_seed});
    model_.attack_with(study_model::loss::cross_entropy);
    result.steps = settings_.attack_steps;
    result.step_size = attacked_images.step_size;
    return pixels_of(attacked_images);
}

// Every component is moved by as much as gives the norm eps. `place` is that of the size among those of the
// settings: each has draws of its own.
std::vector<float> condition_runner::with_random_signs(const condition_result& result, std::size_t place) {
    const auto numbers = static_cast<double>(inputs_.sample_size());
    double size = result.eps;
    if (settings_.ball == attack::norm::l2) size /= std::sqrt(numbers);
    if (settings_.ball == attack::norm::l1) size /= numbers;
    const auto perturbed = attack::random_signs(inputs_.read(0, result.images, clean_pixels_),
                                                {.threads = pool_,
                                                 .eps = size,
                                                 .bounds = inputs_.bounds(),
                                                 .seed = condition_seed,
                                                 .draw = static_cast<std::uint32_t>(place)});
    return {perturbed.data_handle(), perturbed.data_handle() + perturbed.size()};
}

// The first of the perturbed images as bytes.
std::vector<std::uint8_t> condition_runner::pictures(std::size_t images) const {
    std::vector<std::uint8_t> bytes;
    const std::size_t pixels = std::min(picture_count, images) * inputs_.sample_size();
    const auto low = static_cast<float>(inputs_.low());
    const auto width = static_cast<float>(inputs_.width());
    for (std::size_t p = 0; p < pixels; ++p)
        bytes.push_back(static_cast<std::uint8_t>(std::lround(255.0F * ((perturbed_[p] - low) / width))));
    return bytes;
}

double autoattack_passes(std::size_t images, double backward) {
    // A third of the images survives all components.
    return static_cast<double>(images) / 3 * (5900.0 + 1900.0 * backward);
}

double passes_of(const condition& what, const condition_settings& settings, std::size_t samples,
                 double backward) {
    const auto images = static_cast<double>(images_of(what, settings, samples));
    if (what.kind != condition_kind::attack) return images;
    if (what.name == "fgsm") return images * (1.0 + backward);
    if (what.name == "autoattack") return autoattack_passes(images_of(what, settings, samples), backward);
    return images * (1.0 + static_cast<double>(settings.attack_steps) * backward);
}

std::vector<condition> conditions_of(const condition_settings& settings) {
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
                     .eps = settings.ball == attack::norm::linf ? settings.eps[k] / 255.0 : settings.eps[k],
                     .place = k});
            }
        }
    }
    return conditions;
}

std::size_t images_of(const condition& what, const condition_settings& settings, std::size_t samples) {
    if (what.kind == condition_kind::corruption) return std::min(samples, settings.corruption_images);
    const std::size_t attacked = std::min(samples, settings.attack_images);
    return what.name == "autoattack" ? std::min(attacked, settings.autoattack_images) : attacked;
}

std::size_t compared_images(const condition_settings& settings, std::size_t samples) {
    std::size_t images = std::min(settings.compared_images, samples);
    if (settings.corruption_images > 0) images = std::min(images, settings.corruption_images);
    if (settings.attack_images > 0) images = std::min(images, settings.attack_images);
    if (settings.attack_images > 0 && uses_autoattack(settings)) {
        images = std::min(images, settings.autoattack_images);
    }
    return images;
}

std::size_t gradient_images(const condition_settings& settings, std::size_t samples) {
    return std::min(samples, settings.gradient_images);
}

data_summary summary_of(const data_set& data) {
    return {data.name, data.train.images, data.test.images, data.sha256};
}

condition_options options_of(const study_settings& settings, const data_set& data) {
    return {.corruption_images = std::min(settings.corruption_images, data.test.images),
            .attack_images = std::min(settings.attack_images, data.test.images),
            .gradient_images = gradient_images(settings, data.test.images),
            .compared_images = compared_images(settings, data.test.images),
            .eps = settings.eps,
            .attack_steps = settings.attack_steps,
            .frost = settings.frost_textures.empty() ? "procedural" : settings.frost_textures,
            .attacks = settings.attacks == condition_settings{}.attacks ? std::vector<std::string>{}
                                                                        : settings.attacks,
            .autoattack_images =
                uses_autoattack(settings)
                    ? std::min({settings.autoattack_images, settings.attack_images, data.test.images})
                    : 0,
            .distance_images = distance_images(settings, data.test.images)};
}

condition_results measure_conditions(study_model& model, const condition_settings& settings,
                                     const labeled_inputs& inputs, corrupted_images& corrupted,
                                     repscope::thread_pool& pool, const std::function<void(double)>& done) {
    condition_results results;
    const auto conditions = conditions_of(settings);
    condition_runner runner(model, settings, inputs, &corrupted, pool);
    results.reference = runner.reference();
    // Shares in passes, a gradient counting as two more.
    constexpr double backward = 3.0;
    const double all = passes_of_conditions(settings, inputs.samples(), backward);
    double passed = 0.0;
    for (const condition& what : conditions) {
        stopwatch watch;
        results.conditions.push_back(runner.measure(what));
        (what.kind == condition_kind::corruption ? results.corruption_seconds : results.attack_seconds) +=
            watch.lap();
        passed += passes_of(what, settings, inputs.samples(), backward);
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

double passes_of_conditions(const condition_settings& settings, std::size_t samples, double backward) {
    double passes = 0.0;
    for (const condition& what : conditions_of(settings))
        passes += passes_of(what, settings, samples, backward);
    return passes;
}

} // namespace program
