#include "study/report/claims.hpp"

#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"

#include <repscope/statistics/claims.hpp>
#include <repscope/statistics/mean_interval.hpp>
#include <repscope/statistics/rank_correlation.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <limits>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace program {

namespace {

constexpr double equivalence_margin = 0.01;

constexpr const char* not_measured = "it was not measured in this study";
constexpr const char* floor_reason = "floor: no network is above 5 %";
constexpr const char* few_seeds = "fewer than 3 seeds";
constexpr const char* few_alphas = "fewer than 3 alphas";

using outcome = std::function<double(const network_result& network)>;

enum class arm { all, below, above }; // alpha of any sign, at most 0, at least 0

bool is_in(const network_result& network, arm side) {
    return side == arm::all || (side == arm::below ? network.alpha <= 0.0 : network.alpha >= 0.0);
}

const char* reason_text(repscope::unclear_reason reason) {
    switch (reason) {
    case repscope::unclear_reason::few_blocks:
        return few_seeds;
    case repscope::unclear_reason::no_variation:
        return "the outcome is the same for all networks of a seed";
    case repscope::unclear_reason::not_significant:
        return "p is .05 or above";
    case repscope::unclear_reason::sign_differs:
        return "the sign differs between seeds";
    case repscope::unclear_reason::none:
        break;
    }
    return "";
}

study_claim& unclear_by_test(study_claim& claim, const char* reason) {
    claim.leave_unclear(reason);
    claim.reason_from_test = true;
    return claim;
}

// The alphas around 0 for which the claim holds, and the verdict over all of them.
void judge_equivalence(study_claim& claim) {
    using repscope::verdict;
    equivalence_claim& equivalence = *claim.equivalence;
    std::map<double, verdict> holds{{0.0, verdict::yes}};
    for (const alpha_equivalence& row : equivalence.alphas) holds[row.alpha] = row.result.holds;
    auto first = holds.find(0.0);
    auto last = first;
    while (first != holds.begin() && std::prev(first)->second == verdict::yes) --first;
    while (std::next(last) != holds.end() && std::next(last)->second == verdict::yes) ++last;
    equivalence.lowest = first->first;
    equivalence.highest = last->first;
    const auto all = [&](verdict value) {
        return std::all_of(equivalence.alphas.begin(), equivalence.alphas.end(),
                           [&](const alpha_equivalence& row) { return row.result.holds == value; });
    };
    claim.result.holds = all(verdict::yes) ? verdict::yes : all(verdict::no) ? verdict::no : verdict::unclear;
    if (claim.result.holds == verdict::unclear) {
        claim.leave_unclear("holds for alpha from " + shortest(equivalence.lowest) + " to " +
                            shortest(equivalence.highest));
    }
}

class claim_list {
  public:
    explicit claim_list(const study_result& study) : networks_(study.networks) {
        for (const auto& network : networks_) {
            seeds_.insert(network.seed);
            alphas_.insert(network.alpha);
        }
    }

    // Correlation of an outcome with selectivity within seeds; `sign` is the one that is claimed.
    study_claim& trend(const std::string& id, const std::string& statement, int sign, const outcome& value,
                       std::size_t images, arm side = arm::all) {
        std::vector<repscope::paired_block> blocks;
        std::set<double> alphas;
        std::size_t networks = 0;
        bool measured = true;
        for (const std::size_t seed : seeds_) {
            repscope::paired_block& block = blocks.emplace_back();
            for (const auto& network : networks_) {
                if (network.seed != seed || !is_in(network, side)) continue;
                block.x.push_back(network.selectivity_mean);
                block.y.push_back(value(network));
                measured = measured && std::isfinite(block.y.back());
                alphas.insert(network.alpha);
                ++networks;
            }
        }
        study_claim& claim = begin(id, statement, sign, networks, images);
        if (!measured) return unclear_by_test(claim, not_measured);
        if (alphas.size() < 2) return unclear_by_test(claim, "it takes several alphas");
        repscope::trend_claim_result trend = repscope::trend_claim(blocks, sign);
        claim.result = std::move(trend.claim);
        const repscope::estimate_interval& slope = trend.slopes.mean;
        claim.slope_per_tenth = slope_result{.estimate = slope.estimate / 10};
        if (seeds_.size() >= 5)
            claim.slope_per_tenth->ci = repscope::interval{slope.range.low / 10, slope.range.high / 10};
        return alphas.size() < 3 ? unclear_by_test(claim, few_alphas) : claim;
    }

    // Mean over networks of a difference of two numbers of one network. Networks of a seed share initial
    // weights and the order of images, so the sample is the means of the seeds.
    study_claim& contrast(const std::string& id, const std::string& statement, const outcome& first,
                          const outcome& second, std::size_t images) {
        study_claim& claim = begin(id, statement, 1, networks_.size(), images);
        claim.test = "Student's t over seeds";
        std::map<std::size_t, std::vector<double>> by_seed;
        for (const auto& network : networks_) {
            const double a = first(network);
            const double b = second(network);
            if (!std::isfinite(a - b)) return unclear_by_test(claim, not_measured);
            by_seed[network.seed].push_back(a - b);
        }
        std::vector<std::vector<double>> differences;
        for (auto& entry : by_seed) differences.push_back(std::move(entry.second));
        claim.result = repscope::contrast_claim(differences, 1);
        if (differences.size() > 1) claim.ci = claim.result.ci;
        if (differences.size() < 3) unclear_by_test(claim, few_seeds);
        return alphas_.size() < 3 ? unclear_by_test(claim, few_alphas) : claim;
    }

    // Whether accuracy stays within a point of that of alpha 0, alpha by alpha: the difference within each
    // seed, with what other seeds and other images would change of its mean.
    void equivalence() {
        study_claim& claim = begin("6", "clean accuracy stays within one point of that of alpha 0", 0,
                                   networks_.size(), networks_[0].clean.images);
        claim.test = "90 % interval over seeds and images";
        if (!alphas_.contains(0.0)) {
            unclear_by_test(claim, "no network with alpha 0");
            return;
        }
        claim.equivalence.emplace();
        for (const double alpha : alphas_) {
            if (alpha == 0.0) continue;
            claim.equivalence->alphas.push_back(
                {alpha, repscope::equivalence_claim(differences_to_zero(alpha), equivalence_margin)});
        }
        judge_equivalence(claim);
        if (seeds_.size() < 3) claim.leave_unclear(few_seeds);
    }

    // Holm's correction over everything that was tested, and the verdicts.
    std::vector<study_claim> finish() {
        std::vector<repscope::claim_result> results;
        for (const study_claim& claim : claims_) results.push_back(claim.result);
        repscope::judge_claims(results);
        for (std::size_t k = 0; k < results.size(); ++k) {
            claims_[k].result = results[k];
            if (results[k].reason != repscope::unclear_reason::none)
                claims_[k].leave_unclear(reason_text(results[k].reason));
        }
        return std::move(claims_);
    }

    // Standard error of a network's mean accuracy over some conditions that comes from the choice of images,
    // mean over the networks.
    [[nodiscard]] double
    image_error(const std::function<bool(const condition_result& condition)>& is_counted) const {
        double sum = 0.0;
        for (const auto& network : networks_) {
            std::vector<double> by_image;
            double conditions = 0.0;
            for (const auto& condition : network.conditions) {
                if (!is_counted(condition)) continue;
                ++conditions;
                by_image.resize(condition.correct.size());
                for (std::size_t i = 0; i < by_image.size(); ++i)
                    by_image[i] += condition.correct[i] ? 1.0 : 0.0;
            }
            for (double& value : by_image) value /= conditions;
            sum += repscope::mean_interval(by_image).error;
        }
        return sum / static_cast<double>(networks_.size());
    }

  private:
    study_claim& begin(const std::string& id, const std::string& statement, int sign, std::size_t networks,
                       std::size_t images) {
        study_claim& claim = claims_.emplace_back();
        claim.id = id;
        claim.statement = statement;
        claim.networks = networks;
        claim.images = images;
        claim.result.claimed_sign = sign;
        claim.result.blocks = seeds_.size();
        return claim;
    }

    // Of each seed and image: correct with alpha, less correct with alpha 0.
    [[nodiscard]] std::vector<std::vector<double>> differences_to_zero(double alpha) const {
        std::map<std::size_t, std::vector<double>> by_seed;
        for (const auto& network : networks_) {
            if (network.alpha != alpha && network.alpha != 0.0) continue;
            const std::vector<bool>& correct = network.clean.correct;
            std::vector<double>& differences = by_seed[network.seed];
            differences.resize(correct.size());
            const double sign = network.alpha == 0.0 ? -1.0 : 1.0;
            for (std::size_t i = 0; i < correct.size(); ++i) differences[i] += correct[i] ? sign : 0.0;
        }
        std::vector<std::vector<double>> all;
        for (auto& entry : by_seed) all.push_back(std::move(entry.second));
        return all;
    }

    const std::vector<network_result>& networks_;
    std::set<std::size_t> seeds_;
    std::set<double> alphas_;
    std::vector<study_claim> claims_;
};

// The highest accuracy of any network under an attack.
double highest_accuracy(const std::vector<network_result>& networks, std::string_view attack, double eps) {
    double highest = 0.0;
    for (const auto& network : networks) highest = std::max(highest, attack_accuracy(network, attack, eps));
    return highest;
}

attack_size_result attack_size(const std::vector<network_result>& networks, double eps) {
    double margin_drop = -1.0;
    std::map<std::size_t, repscope::paired_block> seeds;
    for (const auto& network : networks) {
        const double accuracy = attack_accuracy(network, "pgd", eps);
        margin_drop = std::max(margin_drop, accuracy - attack_accuracy(network, "pgd-margin", eps));
        auto& block = seeds[network.seed];
        block.x.push_back(network.selectivity_mean);
        block.y.push_back(accuracy);
    }
    double correlation = 0.0;
    for (const auto& entry : seeds) {
        correlation += repscope::spearman(entry.second.x, entry.second.y) / static_cast<double>(seeds.size());
    }
    return {eps, correlation, margin_drop, highest_accuracy(networks, "pgd", eps) <= floor_accuracy};
}

// The first eps at which the correlation is positive after a negative one.
double turn_of(const std::vector<attack_size_result>& sizes) {
    double before = no_value;
    for (const attack_size_result& size : sizes) {
        if (before < 0.0 && size.correlation > 0.0) return size.eps;
        before = size.correlation;
    }
    return no_value;
}

const char* words_of(arm side) {
    return side == arm::below ? ", alpha of 0 and below" : ", alpha of 0 and above";
}

std::string size_text(double eps) { return shortest(in_255ths(eps)) + "/255"; }

// Claim 2 judged by AutoAttack, which the networks must have met at the eps.
void add_autoattack_claims(claim_list& claims, const study_result& study, double eps) {
    const auto is_autoattack = [eps](const condition_result& condition) {
        return condition.name == "autoattack" && condition.eps == eps;
    };
    const bool at_floor = highest_accuracy(study.networks, "autoattack", eps) <= floor_accuracy;
    const double error = claims.image_error(is_autoattack);
    for (const arm side : {arm::below, arm::above}) {
        study_claim& claim = claims.trend(
            side == arm::below ? "2a-autoattack" : "2b-autoattack",
            "higher selectivity, higher accuracy under AutoAttack at " + size_text(eps) + words_of(side), 1,
            [eps](const network_result& network) { return attack_accuracy(network, "autoattack", eps); },
            study.options.autoattack_images, side);
        if (at_floor) unclear_by_test(claim, floor_reason);
        claim.image_error = error;
    }
}

// Claim 2, and the numbers of each eps.
void add_attack_claims(claim_list& claims, const study_result& study) {
    const std::vector<double> grid = attack_sizes(study.networks[0]);
    const double primary = primary_eps(study.networks);
    const std::string statement = "higher selectivity, higher accuracy under PGD at " +
                                  (primary > 0.0 ? size_text(primary) : std::string("half accuracy"));
    const outcome robust = [&](const network_result& network) {
        return attack_accuracy(network, "pgd", primary);
    };
    attack_claim sizes{.primary_eps = primary};
    bool primary_at_floor = false;
    for (const double eps : grid) {
        sizes.by_eps.push_back(attack_size(study.networks, eps));
        if (eps == primary) primary_at_floor = sizes.by_eps.back().floor;
    }
    sizes.ordering_turns_at = turn_of(sizes.by_eps);
    const double error = primary > 0.0 ? claims.image_error([&](const condition_result& condition) {
        return is_pgd(condition, primary);
    })
                                       : no_value;
    for (const arm side : {arm::below, arm::above}) {
        study_claim& claim = claims.trend(side == arm::below ? "2a" : "2b", statement + words_of(side), 1,
                                          robust, study.options.attack_images, side);
        if (primary == 0.0)
            unclear_by_test(claim, grid.empty() ? not_measured : "no network with alpha 0");
        else if (primary_at_floor)
            unclear_by_test(claim, floor_reason);
        claim.image_error = error;
        claim.attack = sizes;
    }
    if (primary > 0.0 && std::isfinite(attack_accuracy(study.networks[0], "autoattack", primary)))
        add_autoattack_claims(claims, study, primary);
}

void add_corruption_claims(claim_list& claims, const study_result& study) {
    const std::size_t images = study.options.corruption_images;
    const auto is_corruption = [](const condition_result& condition) {
        return condition.kind == condition_kind::corruption;
    };
    for (const bool intensity : {true, false}) {
        study_claim& claim = claims.trend(
            std::string("1") + (intensity ? "" : "-without-intensity"),
            std::string("lower selectivity, higher mean corruption accuracy") +
                (intensity ? "" : ", without snow, frost, fog, brightness, contrast"),
            -1, [=](const network_result& network) { return corruption_accuracy(network, intensity); },
            images);
        if (images > 0 && intensity) claim.image_error = claims.image_error(is_corruption);
    }
}

void add_dimensionality_claims(claim_list& claims, const study_result& study) {
    struct variant {
        const char* id;
        dimension_measure measure;
        const char* words;
    };
    for (const variant& each :
         {variant{"3", dimension_measure::components_interpolated, "components for 95 %"},
          variant{"3-participation-ratio", dimension_measure::participation_ratio, "participation ratio"},
          variant{"3-participation-ratio-unbiased", dimension_measure::participation_ratio_unbiased,
                  "unbiased participation ratio"}}) {
        claims.trend(
            each.id, std::string("early dimensionality falls as selectivity rises: ") + each.words, -1,
            [measure = each.measure](const network_result& network) {
                return early_dimensionality(network, measure);
            },
            study.networks[0].clean.images);
    }
}

void add_change_claims(claim_list& claims, const study_result& study) {
    const std::vector<double> grid = attack_sizes(study.networks[0]);
    const double eps = grid.empty() ? 0.0 : grid.back();
    const std::string attack = "PGD at " + shortest(in_255ths(eps)) + "/255";
    struct variant {
        condition_group group;
        const char* id;
        const char* words;
    };
    for (const bool full : {false, true}) {
        for (const bool difference : {false, true}) {
            for (const variant& against :
                 {variant{condition_group::corruptions, "", "corruptions"},
                  variant{condition_group::noise_corruptions, "-noise", "noise corruptions"},
                  variant{condition_group::other_corruptions, "-other", "other corruptions"},
                  variant{condition_group::random, "-random", "random signs of that size"}}) {
                const change_choice choice{.full = full, .difference = difference};
                claims.contrast(
                    std::string("4") + (full ? "-full" : "") + (difference ? "-difference" : "") + against.id,
                    attack +
                        (difference ? ": its difference has more early dimensions than that of "
                                    : " raises early dimensionality more than ") +
                        against.words + (full ? ", full maps" : ""),
                    [=](const network_result& network) {
                        return dimensionality_change(network, condition_group::attack, eps, choice);
                    },
                    [=, group = against.group](const network_result& network) {
                        return dimensionality_change(network, group, eps, choice);
                    },
                    study.options.compared_images);
            }
        }
    }
}

void add_gradient_claims(claim_list& claims, const study_result& study) {
    using repscope::gradient_variability_result;
    struct variant {
        const char* id;
        gradient_quantity quantity;
        const char* words;
    };
    struct side {
        const char* id;
        arm alphas;
        const char* words;
    };
    for (const variant& each :
         {variant{"5a", &gradient_variability_result::cv_samples, "samples"},
          variant{"5a-nonzero", &gradient_variability_result::cv_samples_nonzero, "samples, zeros left out"},
          variant{"5b", &gradient_variability_result::cv_units, "units"}}) {
        for (const side& those :
             {side{"", arm::all, ""}, side{"-below", arm::below, ", alpha of 0 and below"},
              side{"-above", arm::above, ", alpha of 0 and above"}}) {
            claims.trend(
                std::string(each.id) + those.id,
                std::string("input-unit gradients vary more at higher selectivity, across ") + each.words +
                    those.words,
                1,
                [quantity = each.quantity](const network_result& network) {
                    return gradient_number(network, quantity);
                },
                study.options.gradient_images, those.alphas);
        }
    }
}

} // namespace

std::vector<study_claim> study_claims(const study_result& study) {
    claim_list claims(study);
    add_corruption_claims(claims, study);
    add_attack_claims(claims, study);
    add_dimensionality_claims(claims, study);
    add_change_claims(claims, study);
    add_gradient_claims(claims, study);
    claims.equivalence();
    return claims.finish();
}

std::string p_value_text(double p_value, bool at_floor) {
    if (!std::isfinite(p_value)) return "-";
    // At the floor, the draws show only that p is no larger.
    if (at_floor && p_value < 1.0) return "<= " + fixed(p_value, 4);
    return p_value < 0.0001 ? "< 0.0001" : fixed(p_value, 4);
}

std::string verdict_text(const study_claim& claim) {
    const std::string verdict(to_string(claim.result.holds.value_or(repscope::verdict::unclear)));
    return claim.reason.empty() ? verdict : verdict + ": " + claim.reason;
}

std::string claims_table(const std::vector<study_claim>& claims) {
    text_table table({"claim", "", "estimate", "p (Holm)", "holds"}, 2);
    for (const study_claim& claim : claims) {
        // Variants are in the file and the report.
        if (claim.id.find('-') != std::string::npos) continue;
        table.add_row({claim.id, claim.statement, fixed(claim.result.estimate, 2),
                       p_value_text(claim.result.adjusted_p_value, claim.result.at_floor),
                       verdict_text(claim)});
    }
    return table.text();
}

} // namespace program
