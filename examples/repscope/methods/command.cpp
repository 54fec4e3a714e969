// repscope methods: trains networks by methods that are meant to make them robust, and measures the effect of
// each on selectivity, dimensionality and accuracy under corruptions and attacks.

#include "cli/commands.hpp"
#include "cli/validators.hpp"
#include "files/output_file.hpp"
#include "images/corrupted_images.hpp"
#include "images/datasets.hpp"
#include "images/frost_textures.hpp"
#include "methods/catalog.hpp"
#include "methods/costs.hpp"
#include "methods/eman.hpp"
#include "methods/irm.hpp"
#include "methods/json.hpp"
#include "methods/measure.hpp"
#include "methods/protocol.hpp"
#include "methods/report.hpp"
#include "methods/train.hpp"
#include "render/text_table.hpp"
#include "study/options.hpp"
#include "study/per_image.hpp"
#include "study/recipe.hpp"
#include "study/run/conditions.hpp"
#include "study/run/model.hpp"
#include "support/errors.hpp"
#include "support/progress.hpp"
#include "support/stopwatch.hpp"

#include <repscope/error.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <variant>

namespace program {

namespace {

struct methods_request {
    std::string list;
    std::string protocol = "quick";
};

using listener = std::function<void(double)>; ///< is called with the share of a network that is done
using trained = std::variant<method_network, method_arm>;

constexpr std::size_t timed_steps = 20;
constexpr std::size_t irm_seeds = 5;

double seconds_of(const std::function<void()>& work) {
    stopwatch watch;
    work();
    return watch.lap();
}

// One network to be trained: where it is kept, what it belongs to, how long it takes, and how it is made.
struct piece {
    std::string group; ///< networks, eman, irm or fairness
    std::string method;
    std::string cell;
    double seconds = 0.0;
    std::function<trained(const listener&)> make;
};

listener stages(const listener& done, double from, double to) {
    return [=](double share) { done(from + (to - from) * share); };
}
std::function<void(std::size_t, std::size_t)> steps_of(const listener& done) {
    return [=](std::size_t step, std::size_t steps) {
        done(static_cast<double>(step) / static_cast<double>(steps));
    };
}

methods_protocol protocol_with(const study_settings& settings, const methods_request& request,
                               const CLI::App& given, std::size_t channels) {
    methods_protocol protocol = protocol_of(request.protocol, channels);
    const auto take = [&](const char* option, std::size_t& value, std::size_t from) {
        if (given.count(option) > 0) value = from;
    };
    take("--seeds", protocol.seeds, settings.seeds);
    take("--train", protocol.train, settings.train);
    take("--epochs", protocol.epochs, settings.epochs);
    take("--corruption-images", protocol.corruption_images, settings.corruption_images);
    take("--attack-images", protocol.attack_images, settings.attack_images);
    take("--attack-steps", protocol.attack_steps, settings.attack_steps);
    take("--autoattack-images", protocol.autoattack_images, settings.autoattack_images);
    if (protocol.corruption_images == 0 || protocol.attack_images == 0) {
        throw usage_error("--methods: expected images under corruptions and attacks, got none");
    }
    return protocol;
}

class runner {
  public:
    runner(const study_settings& settings, const methods_request& request, const CLI::App& given)
        : settings_(settings), methods_(parse_methods(request.list)),
          protocol_(protocol_of(request.protocol, 1)), // refuses a wrong name before the data are read
          data_(load_data_set(settings.data, 0, settings.test)),
          pool_(static_cast<std::size_t>(settings.threads)) {
        protocol_ = protocol_with(settings, request, given, data_.train.channels);
        if (given.count("--seeds") > 0) irm_seeds_ = settings.seeds;
        if (protocol_.train == 0) protocol_.train = data_.train.images;
        if (protocol_.train > data_.train.images) {
            throw usage_error("--train: there are " + std::to_string(data_.train.images) +
                              " images, asked for " + std::to_string(protocol_.train));
        }
        trained_on_ = first_images(data_.train, protocol_.train);
        study_settings steps = settings;
        steps.epochs = protocol_.epochs;
        step_count(steps, trained_on_.images); // refuses images that do not fill a batch
        corrupted_.emplace(data_.test, std::min(protocol_.corruption_images, data_.test.images),
                           read_frost_textures(settings.frost_textures), pool_);
    }

    int run() {
        const method_store store(settings_, data_of_run(), protocol_);
        std::vector<piece> pieces = all_pieces();
        std::vector<piece*> missing;
        for (auto& each : pieces) {
            if (!store.has(each.cell)) missing.push_back(&each);
        }
        tell_plan(pieces, missing);
        train(missing, store);
        return write(store, pieces);
    }

  private:
    [[nodiscard]] methods_data data_of_run() const {
        return {data_.name, protocol_.train, data_.test.images, data_.sha256};
    }

    // Trains and keeps the networks that are missing.
    static void train(const std::vector<piece*>& missing, const method_store& store) {
        double all = 0.0, before = 0.0;
        for (const piece* each : missing) all += each->seconds;
        progress shown("methods", all, "s");
        for (std::size_t i = 0; i < missing.size(); ++i) {
            const piece& now = *missing[i];
            const std::string which =
                now.cell + ", " + std::to_string(i + 1) + " of " + std::to_string(missing.size());
            try {
                store.keep(now.cell,
                           now.make([&](double share) { shown.done(before + share * now.seconds, which); }));
            } catch (const repscope::value_error& e) {
                throw data_error(now.cell, "training diverged: " + without_function_name(e.what()));
            }
            before += now.seconds;
        }
    }

    method_network train_and_measure(const method& which, std::size_t seed, const listener& done) {
        method_network network;
        network.method = which.name;
        network.seed = seed;
        trained_by_method made;
        const double seconds = seconds_of([&] {
            made = train_by_method(which, protocol_, trained_on_, data_.classes, seed, pool_,
                                   steps_of(stages(done, 0, .7)));
        });
        network.settings = std::move(made.settings);
        network.notes = std::move(made.notes);
        network.clean = measure_clean(*made.model, data_.test, pool_);
        network.robust =
            measure_robustness(*made.model, protocol_, data_, *corrupted_, pool_, stages(done, .7, 1));
        network.cost = {seconds, static_cast<double>(protocol_.epochs * trained_on_.images) / seconds,
                        predicted_factor(which, protocol_)};
        return network;
    }

    // Seconds of training of one network, from a few steps of it.
    double estimate(const method& which) {
        methods_protocol trial = protocol_;
        trial.epochs = 1;
        constexpr std::size_t batch = recipe::batch_size;
        const image_set some =
            first_images(trained_on_, std::min(trained_on_.images, (timed_steps + 1) * batch));
        using clock = std::chrono::steady_clock;
        clock::time_point first, last;
        std::size_t timed = 0;
        train_by_method(which, trial, some, data_.classes, 0, pool_, [&](std::size_t step, std::size_t) {
            last = clock::now(); // the first one takes the memory
            if (step == 1) first = last;
            timed = step - 1;
        });
        const double a_step = std::chrono::duration<double>(last - first).count() /
                              static_cast<double>(std::max<std::size_t>(timed, 1));
        return a_step * static_cast<double>(protocol_.epochs * (trained_on_.images / batch));
    }
    // Seconds of measuring a network that is trained by `which`, when every image holds until the last
    // restart.
    double estimate_measuring(const method& which) {
        methods_protocol trial = protocol_;
        trial.epochs = 1;
        const auto made = train_by_method(which, trial, first_images(trained_on_, 128), data_.classes, 0,
                                          pool_, [](std::size_t, std::size_t) {});
        const std::size_t images = std::min<std::size_t>(data_.test.images, test_batch);
        std::vector<float> pixels;
        const auto x = unit_interval(data_.test, 0, images, pixels);
        const auto labels = std::span(data_.test.labels).first(images);
        std::vector<double> losses(images);
        std::vector<int> predicted(images);
        std::vector<float> gradient(x.size());
        const double a_gradient = seconds_of([&] {
            (*made.model)(x, labels, losses, predicted, {gradient.data(), x.extents()});
        });
        const double a_pass = seconds_of([&] { (*made.model)(x, labels, losses, predicted, {}); });
        const auto passes = static_cast<double>(
            75 * std::min(protocol_.corruption_images, data_.test.images) + data_.test.images);
        // Two losses in each ball; about half of the images do not hold that long.
        const auto gradients =
            static_cast<double>(std::min(protocol_.attack_images, data_.test.images) *
                                protocol_.attack_steps * protocol_.restarts * protocol_.balls.size());
        const double ensembles = static_cast<double>(protocol_.balls.size()) *
                                 autoattack_passes(std::min(protocol_.autoattack_images, data_.test.images),
                                                   a_gradient / a_pass - 1);
        return ((passes + ensembles) * a_pass + gradients * a_gradient) / static_cast<double>(images);
    }

    std::vector<piece> all_pieces() {
        std::vector<piece> pieces;
        for (std::size_t seed = 0; seed < protocol_.seeds; ++seed) {
            for (const method& which : methods_) {
                if (!shares_training(which)) continue;
                pieces.push_back({"networks", which.name, method_cell(which.name, seed), 0.0,
                                  [this, which, seed](const listener& done) {
                                      return train_and_measure(which, seed, done);
                                  }});
            }
        }
        for (const method& which : methods_) {
            if (which.kind == "eman") add_eman(which, pieces);
            if (which.kind == "irm") add_irm(pieces);
        }
        return pieces;
    }
    void add_eman(const method& which, std::vector<piece>& pieces) {
        const eman_settings settings{.labels = static_cast<std::size_t>(which.number)};
        for (std::size_t seed = 0; seed < protocol_.seeds; ++seed) {
            for (const std::string& arm : eman_arms) {
                pieces.push_back({which.name, arm, method_cell(which.name + "_" + arm, seed), 0.0,
                                  [this, settings, arm, seed](const listener& done) {
                                      return eman_run(data_, arm, settings, seed, pool_, steps_of(done));
                                  }});
            }
        }
    }
    void add_irm(std::vector<piece>& pieces) {
        for (std::size_t seed = 0; seed < irm_seeds_; ++seed) {
            for (const std::string& arm : colored_arms) {
                pieces.push_back({"irm", arm, method_cell("irm_" + arm, seed), 0.0,
                                  [this, arm, seed](const listener& done) {
                                      return colored_run(data_, arm, seed, pool_, steps_of(done));
                                  }});
            }
            for (const std::string& arm : attribute_arms) {
                pieces.push_back({"fairness", arm, method_cell("fairness_" + arm, seed), 0.0,
                                  [this, arm, seed](const listener& done) {
                                      return attribute_run(arm, seed, pool_, steps_of(done));
                                  }});
            }
        }
    }

    // Thrown out of a run whose first steps have been timed.
    struct enough {};
    // Seconds of a run that reports its steps, estimated from the first `timed_steps`.
    static double time_of(const piece& work) {
        using clock = std::chrono::steady_clock;
        clock::time_point first, last;
        double from = 0.0, share = 0.0;
        std::size_t heard = 0;
        try {
            work.make([&](double now) {
                last = clock::now();
                share = now;
                if (++heard == 1) {
                    first = last;
                    from = now;
                }
                if (heard > timed_steps) throw enough{};
            });
        } catch (const enough&) {
        }
        const double seconds = std::chrono::duration<double>(last - first).count();
        return share > from ? seconds / (share - from) : seconds;
    }

    [[nodiscard]] const method& method_of(const std::string& name) const {
        return *std::find_if(methods_.begin(), methods_.end(),
                             [&](const method& each) { return each.name == name; });
    }

    void tell_plan(std::vector<piece>& pieces, const std::vector<piece*>& missing) {
        // The others have images, steps and seeds of their own.
        const bool shared = std::any_of(methods_.begin(), methods_.end(), shares_training);
        print(data_.name + ": " + std::to_string((shared ? trained_on_ : data_.train).images) +
              " images to train on, " + std::to_string(data_.test.images) + " to test on; " +
              (shared ? "protocol " + protocol_.name + ", " + std::to_string(protocol_.epochs) + " epochs, " +
                            std::to_string(protocol_.seeds) + " seeds; "
                      : std::string()) +
              std::to_string(pieces.size()) + " networks, " + std::to_string(pieces.size() - missing.size()) +
              " of them finished before\n");
        if (missing.empty()) return;
        double all = 0.0;
        std::map<std::string, double> measuring; // by network
        std::map<std::string, double> seconds;   // by group and method
        std::map<std::string, std::size_t> count;
        const auto key_of = [](const piece& each) { return each.group + " " + each.method; };
        for (const piece* each : missing) ++count[key_of(*each)];
        text_table table({"method", "networks", "training", "measuring"}, 1);
        for (piece* each : missing) {
            const std::string key = key_of(*each);
            const bool measured = each->group == "networks";
            if (!seconds.contains(key)) {
                double training = 0.0, after = 0.0;
                if (measured) {
                    const method& which = method_of(each->method);
                    training = estimate(which);
                    const std::string network =
                        plain_method(which.name) == "ce" ? std::string("ce") : which.name;
                    if (!measuring.contains(network)) measuring[network] = estimate_measuring(which);
                    after = measuring[network];
                } else {
                    training = time_of(*each);
                }
                seconds[key] = training + after;
                table.add_row({measured ? each->method : each->group + " / " + each->method,
                               std::to_string(count[key]), duration(training),
                               measured ? duration(after) : "-"});
            }
            each->seconds = seconds[key];
            all += each->seconds;
        }
        print(table.text() + "from " + std::to_string(timed_steps) + " steps of each: about " +
              duration(all) + " on " + std::to_string(pool_.size()) +
              (pool_.size() == 1 ? " thread\n" : " threads\n"));
    }

    // All results, and which images were right.
    methods_result read(const method_store& store, const std::vector<piece>& pieces,
                        image_verdicts& verdicts) const {
        methods_result result{data_of_run(), protocol_, methods_, {}, {}, {}, {}, {}};
        const auto add_clean = [&](const std::string& cell, const clean_measures& clean) {
            verdicts.emplace_back(cell + "/clean", clean.correct);
        };
        for (const piece& each : pieces) {
            if (each.group == "networks") {
                const auto& network = result.networks.emplace_back(store.network(each.cell));
                add_clean(each.cell, network.clean);
                for (const ball_measures& ball : network.robust.balls)
                    verdicts.emplace_back(each.cell + "/" + ball.norm, ball.correct);
                verdicts.emplace_back(each.cell + "/all", network.robust.correct);
                continue;
            }
            auto group = std::find_if(result.groups.begin(), result.groups.end(),
                                      [&](const arm_group& other) { return other.name == each.group; });
            if (group == result.groups.end()) group = result.groups.insert(group, {each.group, {}});
            const auto& arm = group->arms.emplace_back(store.arm(each.cell, each.group));
            if (const auto* measured = std::get_if<semi_supervised_measures>(&arm.measured))
                add_clean(each.cell, measured->clean);
        }
        result.costs = method_costs(result);
        result.comparisons = method_comparisons(result);
        result.correlations = method_correlations(result);
        return result;
    }

    int write(const method_store& store, const std::vector<piece>& pieces) const {
        image_verdicts verdicts;
        const methods_result result = read(store, pieces, verdicts);
        const std::string figure = methods_figure(result);
        std::string files = "methods.json, methods.csv";
        if (!verdicts.empty()) {
            write_verdicts(settings_.out + "/per_image.npz", verdicts);
            files += ", per_image.npz";
        }
        if (!figure.empty()) {
            write_output(settings_.out + "/methods.svg", figure);
            files += ", methods.svg";
        } else if (!result.networks.empty()) {
            files += " (no figure: gnuplot was not found)";
        }
        write_output(settings_.out + "/methods.csv", methods_csv(result));
        write_output(settings_.out + "/methods.json", methods_text(result));
        print(methods_table(result) + "written to " + settings_.out + ": " + files + "\n");
        return 0;
    }

    const study_settings& settings_;
    std::vector<method> methods_;
    methods_protocol protocol_;
    data_set data_;
    repscope::thread_pool pool_;
    image_set trained_on_;
    std::optional<corrupted_images> corrupted_;
    std::size_t irm_seeds_ = irm_seeds;
};

} // namespace

command add_methods(CLI::App& app) {
    auto settings = std::make_shared<study_settings>();
    auto request = std::make_shared<methods_request>();
    CLI::App* sub = app.add_subcommand(
        "methods", "Train networks by methods meant to make them robust, and measure them side by side");
    sub->add_option("--methods", request->list,
                    "ce, selectivity:ALPHA, at-linf, at-l2, at-l1, augmix, msd,\n"
                    "max, avg, ascl, deep-pursuit[:N], layer-pursuit[:N],\n"
                    "eman[:LABELS], irm")
        ->required()
        ->type_name("M,M,..");
    add_data_options(*sub, *settings);
    sub->add_option("--protocol", request->protocol, "quick, or paper, which takes much longer")
        ->type_name("NAME")
        ->capture_default_str();
    const auto count = [&](const char* option, std::size_t& value, std::size_t min, std::size_t max,
                           const char* text) {
        sub->add_option(option, value, std::string(text) + " [as the protocol has it]")
            ->check(quiet(CLI::Range(min, max)))
            ->type_name("N");
    };
    constexpr std::size_t many = std::size_t{1} << 30U;
    count("--seeds", settings->seeds, 1, 1000, "networks per method");
    count("--epochs", settings->epochs, 1, 10000, "passes over the training images");
    add_image_options(*sub, *settings);
    count("--corruption-images", settings->corruption_images, 1, many, "test images under each corruption");
    count("--attack-images", settings->attack_images, 1, many, "test images under attack");
    count("--attack-steps", settings->attack_steps, 1, 4096, "steps of PGD");
    sub->add_option("--autoattack-images", settings->autoattack_images,
                    "test images under AutoAttack in each ball [0, none]")
        ->check(quiet(CLI::Range(std::size_t{0}, many)))
        ->type_name("N");
    add_run_options(*sub, *settings);
    sub->footer("Example:\n"
                "  repscope methods --data fashion-mnist --out methods --methods ce,augmix,at-linf,msd\n"
                "The same settings continue a run that was interrupted.");
    return {sub, [sub, settings, request] { return runner(*settings, *request, *sub).run(); }};
}

} // namespace program
