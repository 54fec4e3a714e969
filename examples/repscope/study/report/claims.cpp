#include "study/report/claims.hpp"

#include "render/text_table.hpp"
#include "study/report/outcomes.hpp"
#include "study/report/tables.hpp"
#include "study/settings.hpp"

#include <repscope/statistics/claims.hpp>
#include <repscope/statistics/mean_interval.hpp>
#include <repscope/statistics/rank_correlation.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>
#include <vector>

namespace program {

namespace {

using json = nlohmann::ordered_json;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double floor_accuracy = 0.05;
constexpr double equivalence_margin = 0.01;

using outcome = std::function<double(const json& network)>;

enum class arm { all, below, above }; // alpha of any sign, at most 0, at least 0

bool is_in(const json& network, arm which) {
    const double alpha = network["alpha"];
    return which == arm::all || (which == arm::below ? alpha <= 0.0 : alpha >= 0.0);
}

class claim_list {
  public:
    claim_list(const json& study, const image_verdicts& verdicts) : networks_(study["networks"]) {
        for (const auto& network : networks_) {
            seeds_.insert(network["seed"].get<std::size_t>());
            alphas_.insert(network["alpha"].get<double>());
        }
        for (const auto& [name, right] : verdicts) verdicts_[name] = &right;
    }

    // Correlation of an outcome with selectivity within seeds; `sign` is the one that is claimed.
    json& trend(const std::string& id, const std::string& statement, int sign, const outcome& value,
                json images, arm which = arm::all) {
        std::vector<repscope::paired_block> blocks;
        std::set<double> alphas;
        std::size_t networks = 0;
        bool measured = true;
        for (const std::size_t seed : seeds_) {
            repscope::paired_block& block = blocks.emplace_back();
            for (const auto& network : networks_) {
                if (network["seed"] != seed || !is_in(network, which)) continue;
                block.x.push_back(network["selectivity_mean"]);
                block.y.push_back(value(network));
                measured = measured && std::isfinite(block.y.back());
                alphas.insert(network["alpha"].get<double>());
                ++networks;
            }
        }
        json& claim = begin(id, statement, sign, networks, std::move(images));
        if (!measured) return unclear(claim, "it was not measured in this study");
        if (alphas.size() < 2) return unclear(claim, "it takes several alphas");
        const repscope::trend_claim_result trend = repscope::trend_claim(blocks, sign);
        take(trend.claim);
        const repscope::estimate_interval& slope = trend.slopes.mean;
        claim["slope_per_tenth"]["estimate"] = slope.estimate / 10;
        if (seeds_.size() >= 5) {
            claim["slope_per_tenth"]["ci"] = {slope.range.low / 10, slope.range.high / 10};
        }
        if (alphas.size() < 3) unclear(claim, "fewer than 3 alphas");
        return claim;
    }

    // Mean over networks of a difference of two numbers of one network. Networks of a seed share initial
    // weights and the order of images, so the sample is the means of the seeds.
    json& contrast(const std::string& id, const std::string& statement, const outcome& first,
                   const outcome& second, json images) {
        json& claim = begin(id, statement, 1, networks_.size(), std::move(images));
        claim["test"] = "Student's t over seeds";
        std::map<std::size_t, std::vector<double>> by_seed;
        for (const auto& network : networks_) {
            const double a = first(network);
            const double b = second(network);
            if (!std::isfinite(a - b)) return unclear(claim, "it was not measured in this study");
            by_seed[network["seed"].get<std::size_t>()].push_back(a - b);
        }
        std::vector<std::vector<double>> differences;
        for (auto& entry : by_seed) differences.push_back(std::move(entry.second));
        const repscope::claim_result contrast = repscope::contrast_claim(differences, 1);
        take(contrast);
        if (differences.size() > 1) claim["ci"] = {contrast.ci.low, contrast.ci.high};
        if (differences.size() < 3) unclear(claim, "fewer than 3 seeds");
        if (alphas_.size() < 3) unclear(claim, "fewer than 3 alphas");
        return claim;
    }

    // Whether accuracy stays within a point of that of alpha 0, alpha by alpha: the difference within each
    // seed, with what other seeds and other images would change of its mean.
    void equivalence() {
        json& claim = begin("6", "clean accuracy stays within one point of that of alpha 0", 0,
                            networks_.size(), networks_[0]["conditions"][0]["images"]);
        claim["test"] = "90 % interval over seeds and images";
        if (!alphas_.contains(0.0)) {
            unclear(claim, "no network with alpha 0");
            return;
        }
        claim["alphas"] = json::array();
        std::map<double, std::string> holds{{0.0, "yes"}};
        for (const double alpha : alphas_) {
            if (alpha == 0.0) continue;
            const repscope::equivalence_claim_result same =
                repscope::equivalence_claim(differences_to_zero(alpha), equivalence_margin);
            const repscope::estimate_interval& mean = same.difference.mean;
            holds[alpha] = to_string(same.holds);
            claim["alphas"].push_back({{"alpha", alpha},
                                       {"estimate", mean.estimate},
                                       {"ci", {mean.range.low, mean.range.high}},
                                       {"holds", holds[alpha]},
                                       {"per_seed", same.per_block},
                                       {"seed_error", same.difference.block_error},
                                       {"image_error", same.difference.item_error}});
        }
        auto first = holds.find(0.0);
        auto last = first;
        while (first != holds.begin() && std::prev(first)->second == "yes") --first;
        while (std::next(last) != holds.end() && std::next(last)->second == "yes") ++last;
        claim["range"] = {first->first, last->first};
        const auto all = [&](const char* what) {
            return std::all_of(holds.begin(), holds.end(),
                               [&](const auto& entry) { return entry.first == 0.0 || entry.second == what; });
        };
        claim["holds"] = all("yes") ? "yes" : all("no") ? "no" : "unclear";
        if (claim["holds"] == "unclear") {
            claim["reason"] =
                "holds for alpha from " + shortest(first->first) + " to " + shortest(last->first);
        }
        if (seeds_.size() < 3) unclear(claim, "fewer than 3 seeds");
    }

    // Holm's correction over everything that was tested, and the verdicts.
    json finish() {
        for (std::size_t k = 0; k < results_.size(); ++k) {
            if (!claims_[k]["holds"].is_null()) results_[k].holds = repscope::verdict::unclear;
        }
        repscope::judge_claims(results_);
        for (std::size_t k = 0; k < results_.size(); ++k) {
            json& claim = claims_[k];
            const repscope::claim_result& result = results_[k];
            if (std::isfinite(result.adjusted_p_value)) claim["p_holm"] = result.adjusted_p_value;
            if (result.reason != repscope::unclear_reason::none)
                unclear(claim, reason_text(result.reason));
            else if (claim["holds"].is_null())
                claim["holds"] = to_string(*result.holds);
        }
        return claims_;
    }

    // Standard error of a network's mean accuracy over some conditions that comes from the choice of images,
    // mean over the networks.
    [[nodiscard]] double image_error(const std::function<bool(const json& condition)>& wanted) const {
        double sum = 0.0;
        for (const auto& network : networks_) {
            std::vector<double> by_image;
            for (const auto& condition : network["conditions"]) {
                if (!wanted(condition)) continue;
                const std::vector<bool>& right = right_of(network, condition_label(condition));
                by_image.resize(right.size());
                for (std::size_t i = 0; i < right.size(); ++i) by_image[i] += right[i] ? 1.0 : 0.0;
            }
            const auto conditions = static_cast<double>(
                std::count_if(network["conditions"].begin(), network["conditions"].end(), wanted));
            for (double& value : by_image) value /= conditions;
            sum += repscope::mean_interval(by_image).error;
        }
        return sum / static_cast<double>(networks_.size());
    }

    [[nodiscard]] const json& networks() const { return networks_; }

    static json& unclear(json& claim, const std::string& reason) {
        claim["holds"] = "unclear";
        claim["reason"] = reason;
        return claim;
    }

  private:
    json& begin(const std::string& id, const std::string& statement, int sign, std::size_t networks,
                json images) {
        claims_.push_back({{"id", id},
                           {"statement", statement},
                           {"estimate", nullptr},
                           {"per_seed", json::array()},
                           {"p", nullptr},
                           {"p_holm", nullptr},
                           {"test", "permutation within seeds"},
                           {"at_floor", false},
                           {"claimed_sign", sign},
                           {"seeds", seeds_.size()},
                           {"networks", networks},
                           {"images", std::move(images)},
                           {"holds", nullptr}});
        results_.emplace_back().blocks = seeds_.size();
        return claims_.back();
    }

    // Writes the numbers of the last claim.
    void take(const repscope::claim_result& result) {
        results_.back() = result;
        json& claim = claims_.back();
        claim["estimate"] = result.estimate;
        claim["per_seed"] = result.per_block;
        claim["p"] = result.p_value;
        claim["at_floor"] = result.at_floor;
    }

    static const char* reason_text(repscope::unclear_reason reason) {
        switch (reason) {
        case repscope::unclear_reason::few_blocks:
            return "fewer than 3 seeds";
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

    [[nodiscard]] const std::vector<bool>& right_of(const json& network, const std::string& condition) const {
        return *verdicts_.at(cell_name({network["alpha"].get<double>(), network["seed"].get<std::size_t>()}) +
                             "/" + condition);
    }

    // Of each seed and image: right with alpha, less right with alpha 0.
    [[nodiscard]] std::vector<std::vector<double>> differences_to_zero(double alpha) const {
        std::map<std::size_t, std::vector<double>> by_seed;
        for (const auto& network : networks_) {
            const double own = network["alpha"];
            if (own != alpha && own != 0.0) continue;
            const std::vector<bool>& right = right_of(network, "clean");
            std::vector<double>& differences = by_seed[network["seed"].get<std::size_t>()];
            differences.resize(right.size());
            const double sign = own == 0.0 ? -1.0 : 1.0;
            for (std::size_t i = 0; i < right.size(); ++i) differences[i] += right[i] ? sign : 0.0;
        }
        std::vector<std::vector<double>> all;
        for (auto& [seed, differences] : by_seed) all.push_back(std::move(differences));
        return all;
    }

    const json& networks_;
    std::set<std::size_t> seeds_;
    std::set<double> alphas_;
    std::map<std::string, const std::vector<bool>*> verdicts_;
    json claims_ = json::array();
    std::vector<repscope::claim_result> results_; // of each claim
};

// The eps at which networks of alpha 0 are nearest to half their clean accuracy; 0 without such networks.
double primary_eps(const json& networks, const std::vector<double>& grid) {
    double best = 0.0;
    double nearest = std::numeric_limits<double>::infinity();
    for (const double eps : grid) {
        double distance = 0.0;
        bool any = false;
        for (const auto& network : networks) {
            if (network["alpha"] != 0.0) continue;
            any = true;
            distance += attack_accuracy(network, "pgd", eps) - 0.5 * network["clean_accuracy"].get<double>();
        }
        if (any && std::abs(distance) < nearest) {
            nearest = std::abs(distance);
            best = eps;
        }
    }
    return best;
}

// Claim 2, and what each eps says of it.
void add_attack_claims(claim_list& claims, const json& images) {
    const json& networks = claims.networks();
    const std::vector<double> grid = attack_sizes(networks[0]);
    const double primary = primary_eps(networks, grid);
    const std::string statement =
        "higher selectivity, higher accuracy under PGD at " +
        (primary > 0.0 ? shortest(in_255ths(primary)) + "/255" : std::string("half accuracy"));
    const outcome robust = [&](const json& network) { return attack_accuracy(network, "pgd", primary); };
    json by_eps = json::array();
    double turn = nan;
    double before = nan;
    bool primary_at_floor = false;
    for (const double eps : grid) {
        json row{{"eps", eps}};
        double highest = 0.0;
        double margin_drop = -1.0;
        std::map<std::size_t, repscope::paired_block> seeds;
        for (const auto& network : networks) {
            const double accuracy = attack_accuracy(network, "pgd", eps);
            highest = std::max(highest, accuracy);
            margin_drop = std::max(margin_drop, accuracy - attack_accuracy(network, "pgd-margin", eps));
            auto& block = seeds[network["seed"].get<std::size_t>()];
            block.x.push_back(network["selectivity_mean"]);
            block.y.push_back(accuracy);
        }
        double correlation = 0.0;
        for (const auto& [seed, block] : seeds) {
            correlation += repscope::spearman(block.x, block.y) / static_cast<double>(seeds.size());
        }
        row["correlation"] = correlation;
        row["largest_drop_by_margin_loss"] = margin_drop;
        row["floor"] = highest <= floor_accuracy;
        if (eps == primary) primary_at_floor = highest <= floor_accuracy;
        if (std::isnan(turn) && before < 0.0 && correlation > 0.0) turn = eps;
        before = correlation;
        by_eps.push_back(std::move(row));
    }
    const double error = primary > 0.0 ? claims.image_error([&](const json& condition) {
        return condition["kind"] == "attack" && condition["name"] == "pgd" && condition["eps"] == primary;
    })
                                       : nan;
    for (const auto& [id, which, words] : {std::tuple{"2a", arm::below, ", alpha of 0 and below"},
                                           std::tuple{"2b", arm::above, ", alpha of 0 and above"}}) {
        json& claim = claims.trend(id, statement + words, 1, robust, images, which);
        if (primary == 0.0)
            claim_list::unclear(claim, grid.empty() ? "it was not measured in this study"
                                                    : "no network with alpha 0");
        else if (primary_at_floor)
            claim_list::unclear(claim, "floor: no network is above 5 %");
        claim["primary_eps"] = primary;
        claim["image_error"] = error;
        claim["ordering_turns_at"] = turn;
        claim["by_eps"] = by_eps;
    }
}

void add_change_claims(claim_list& claims, const json& images) {
    const std::vector<double> grid = attack_sizes(claims.networks()[0]);
    const double eps = grid.empty() ? 0.0 : grid.back();
    const std::string attack = "PGD at " + shortest(in_255ths(eps)) + "/255";
    struct other {
        condition_group group;
        const char* id;
        const char* words;
    };
    for (const bool full : {false, true}) {
        for (const bool difference : {false, true}) {
            for (const other& against :
                 {other{condition_group::corruptions, "", "corruptions"},
                  other{condition_group::noise_corruptions, "-noise", "noise corruptions"},
                  other{condition_group::other_corruptions, "-other", "other corruptions"},
                  other{condition_group::random, "-random", "random signs of that size"}}) {
                const change_choice choice{.full = full, .difference = difference};
                claims.contrast(
                    std::string("4") + (full ? "-full" : "") + (difference ? "-difference" : "") + against.id,
                    attack +
                        (difference ? ": its difference has more early dimensions than that of "
                                    : " raises early dimensionality more than ") +
                        against.words + (full ? ", full maps" : ""),
                    [=](const json& network) {
                        return dimensionality_change(network, condition_group::attack, eps, choice);
                    },
                    [=, group = against.group](const json& network) {
                        return dimensionality_change(network, group, eps, choice);
                    },
                    images);
            }
        }
    }
}

} // namespace

nlohmann::ordered_json study_claims(const json& study, const image_verdicts& verdicts) {
    claim_list claims(study, verdicts);
    const json& options = study["options"];
    const auto is_corruption = [](const json& condition) { return condition["kind"] == "corruption"; };
    const bool corrupted = options["corruption_images"] > 0;

    for (const bool intensity : {true, false}) {
        json& claim = claims.trend(
            std::string("1") + (intensity ? "" : "-without-intensity"),
            std::string("lower selectivity, higher mean corruption accuracy") +
                (intensity ? "" : ", without snow, frost, fog, brightness, contrast"),
            -1, [=](const json& network) { return corruption_accuracy(network, intensity); },
            options["corruption_images"]);
        if (corrupted && intensity) claim["image_error"] = claims.image_error(is_corruption);
    }
    add_attack_claims(claims, options["attack_images"]);
    for (const auto& [id, measure, words] :
         {std::tuple{"3", "components_interpolated", "components for 95 %"},
          std::tuple{"3-participation-ratio", "participation_ratio", "participation ratio"},
          std::tuple{"3-participation-ratio-unbiased", "participation_ratio_unbiased",
                     "unbiased participation ratio"}}) {
        claims.trend(
            id, std::string("early dimensionality falls as selectivity rises: ") + words, -1,
            [measure = std::string(measure)](const json& network) {
                return early_dimensionality(network, measure);
            },
            claims.networks()[0]["conditions"][0]["images"]);
    }
    add_change_claims(claims, options["compared_images"]);
    for (const auto& [id, quantity, words] :
         {std::tuple{"5a", "cv_samples", "samples"},
          std::tuple{"5a-nonzero", "cv_samples_nonzero", "samples, zeros left out"},
          std::tuple{"5b", "cv_units", "units"}}) {
        for (const auto& [suffix, which, side] :
             {std::tuple{"", arm::all, ""}, std::tuple{"-below", arm::below, ", alpha of 0 and below"},
              std::tuple{"-above", arm::above, ", alpha of 0 and above"}}) {
            claims.trend(
                std::string(id) + suffix,
                std::string("input-unit gradients vary more at higher selectivity, across ") + words + side,
                1, [quantity = quantity](const json& network) { return gradient_number(network, quantity); },
                options["gradient_images"], which);
        }
    }
    claims.equivalence();
    return claims.finish();
}

std::string p_value_text(const json& claim, const char* key) {
    if (!claim.contains(key) || !claim[key].is_number()) return "-";
    const double p = claim[key];
    // At the floor, the draws tell no more than that p is no larger.
    if (claim.value("at_floor", false) && p < 1.0) return "<= " + fixed(p, 4);
    return p < 0.0001 ? "< 0.0001" : fixed(p, 4);
}

std::string claims_table(const json& claims) {
    text_table table({"claim", "", "estimate", "p (Holm)", "holds"}, 2);
    for (const auto& claim : claims) {
        const std::string id = claim["id"];
        // Variants are in the file and the report.
        if (id.find('-') != std::string::npos) continue;
        const auto text = [](const json& value, int digits) {
            return value.is_number() ? fixed(value.get<double>(), digits) : std::string("-");
        };
        std::string verdict = claim["holds"].get<std::string>();
        if (claim.contains("reason")) verdict += ": " + claim["reason"].get<std::string>();
        table.add_row({id, claim["statement"].get<std::string>(), text(claim["estimate"], 2),
                       p_value_text(claim, "p_holm"), verdict});
    }
    return table.text();
}

} // namespace program
