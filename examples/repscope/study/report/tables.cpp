#include "study/report/tables.hpp"

#include "layers/fields.hpp"
#include "render/csv.hpp"
#include "render/text_table.hpp"
#include "study/report/geometry_table.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace program {

namespace {

// The rows of one place, all of which begin alike.
class row_writer {
  public:
    row_writer(std::string& out, std::string before) : out_(out), before_(std::move(before)) {}

    // A number that is not finite has no value.
    void add(const std::string& key, double value) const {
        out_ += before_ + key + "," + (std::isfinite(value) ? shortest(value) : "") + "\n";
    }
    void add(const std::string& key, std::size_t value) const { add(key, static_cast<double>(value)); }
    // The same, but NaN is a dash.
    void add_always(const std::string& key, double value) const {
        out_ += before_ + key + "," + shortest(value) + "\n";
    }
    [[nodiscard]] row_writer inside(const std::string& part) const { return {out_, before_ + part + "_"}; }

  private:
    std::string& out_;
    std::string before_;
};

// The numbers of `fields`, of those keys that begin with `prefix`.
void add_fields(const row_writer& rows, const std::vector<layer_field>& fields,
                std::string_view prefix = "") {
    for (const layer_field& field : fields) {
        const bool is_text = std::holds_alternative<std::string>(field.value);
        if (is_array(field.value) || is_text || !field.key.starts_with(prefix)) continue;
        std::string key = field.key.substr(prefix.size());
        std::replace(key.begin(), key.end(), '.', '_');
        rows.add(key, numbers_in(field.value).front().value_or(no_value));
    }
}

void add_gradient(const row_writer& rows, const repscope::gradient_variability_result& measured) {
    rows.add("cv_samples", measured.cv_samples);
    rows.add("cv_units", measured.cv_units);
    rows.add("mean", measured.mean);
    rows.add("sd", measured.sd);
    rows.add("images", static_cast<double>(measured.images));
    rows.add("zero_fraction", measured.zero_fraction);
    rows.add("dead_units", measured.dead_units);
    rows.add("cv_samples_nonzero", measured.cv_samples_nonzero);
}

void add_change(const row_writer& rows, const change_result& change) {
    add_fields(rows, fields_of(change.dimensionality));
    rows.add_always("relative_size", change.relative_size);
}

void add_layer(const row_writer& rows, const layer_result& layer) {
    const std::vector<layer_field> fields = fields_of(layer.report);
    if (layer.report.selectivity) add_fields(rows.inside("selectivity"), fields, "selectivity.");
    add_fields(rows, fields, "dimensionality.");
    if (!layer.gradient) return;
    add_gradient(rows.inside("gradient_l2"), layer.gradient->l2);
    add_gradient(rows.inside("gradient_l1"), layer.gradient->l1);
}

void add_layer(const row_writer& rows, const compared_layer& layer) {
    add_fields(rows, fields_of(layer.dimensionality));
    if (layer.change) add_change(rows.inside("change"), *layer.change);
    if (const auto& classes = layer.classes) {
        rows.add("geometry_nc1_trace", classes->nc1_trace);
        rows.add("geometry_cdnv", classes->cdnv);
        rows.add("geometry_cdnv_unbiased", classes->cdnv_unbiased);
        rows.add("activation_uniformity", classes->activation_uniformity);
    }
    if (layer.cka) {
        rows.add("similarity_cka", layer.cka->plain);
        rows.add("similarity_cka_unbiased", layer.cka->unbiased);
    }
    if (!layer.full) return;
    const row_writer full = rows.inside("full");
    add_fields(full, fields_of(layer.full->dimensionality));
    if (layer.full->change) add_change(full.inside("change"), *layer.full->change);
}

struct spread {
    std::vector<double> values;
    [[nodiscard]] double mean() const {
        double sum = 0.0;
        for (const double value : values) sum += value;
        return sum / static_cast<double>(values.size());
    }
    [[nodiscard]] double deviation() const {
        double sum = 0.0;
        for (const double value : values) sum += (value - mean()) * (value - mean());
        return std::sqrt(sum / static_cast<double>(values.size() - 1));
    }
    [[nodiscard]] std::string text(int digits) const {
        if (values.empty()) return "-";
        return fixed(mean(), digits) + (values.size() < 2 ? "" : " +- " + fixed(deviation(), digits));
    }
};

using networks_by_alpha = std::map<double, std::vector<const network_result*>>;

// A column of the table of perturbations: a number of a network.
struct perturbed_column {
    std::string title;
    std::function<double(const network_result&)> value;
};

std::vector<perturbed_column> perturbed_columns(const network_result& first) {
    std::vector<perturbed_column> columns;
    if (first.mean_corruption_accuracy) {
        columns.push_back(
            {"corrupted", [](const network_result& network) {
                 return network.mean_corruption_accuracy.value_or(corruption_means{no_value, no_value}).all;
             }});
        columns.push_back({"without frost", [](const network_result& network) {
                               return network.mean_corruption_accuracy
                                   .value_or(corruption_means{no_value, no_value})
                                   .without_frost;
                           }});
    }
    for (const double eps : attack_sizes(first)) {
        columns.push_back({"PGD " + shortest(in_255ths(eps)) + "/255", [eps](const network_result& network) {
                               return attack_accuracy(network, "pgd", eps);
                           }});
    }
    for (const condition_result& condition : first.conditions) {
        if (condition.after.empty()) continue;
        const double eps = condition.eps;
        const std::string size = shortest(in_255ths(eps)) + "/255";
        columns.push_back({"AutoAttack " + size, [eps](const network_result& network) {
                               return attack_accuracy(network, "autoattack", eps);
                           }});
        if (std::isnan(excess_of_pgd(first, eps))) continue;
        columns.push_back({"PGD above it, same images",
                           [eps](const network_result& network) { return excess_of_pgd(network, eps); }});
    }
    if (first.clean.layers[0].gradient) {
        using repscope::gradient_variability_result;
        columns.push_back({"gradient CV, samples", [](const network_result& network) {
                               return gradient_number(network, &gradient_variability_result::cv_samples);
                           }});
        columns.push_back({"units", [](const network_result& network) {
                               return gradient_number(network, &gradient_variability_result::cv_units);
                           }});
    }
    return columns;
}

// What perturbations do: without rows if none was measured.
summary_table perturbed_table(const networks_by_alpha& by_alpha) {
    const std::vector<perturbed_column> columns = perturbed_columns(*by_alpha.begin()->second.front());
    summary_table table{.header = {"alpha"}, .rows = {}, .caption = {}};
    if (columns.empty()) return table;
    for (const perturbed_column& column : columns) table.header.push_back(column.title);
    for (const auto& [alpha, networks] : by_alpha) {
        std::vector<std::string> row{shortest(alpha)};
        for (const perturbed_column& column : columns) {
            spread over;
            for (const network_result* network : networks) over.values.push_back(column.value(*network));
            row.push_back(over.text(3));
        }
        table.rows.push_back(std::move(row));
    }
    table.caption = "accuracy over the corruptions and severities and under attack, all images counted; "
                    "coefficient of\n"
                    "variation of the gradients of units with respect to the image, mean over layers\n";
    return table;
}

// The cells of an alpha: accuracy, selectivity, that of each layer, and the early and late dimensionality.
std::vector<std::string> clean_row(double alpha, const std::vector<const network_result*>& networks) {
    const std::size_t layers = networks.front()->clean.layers.size();
    const std::size_t early = early_layers(*networks.front());
    spread accuracy, selectivity, share_early, share_late;
    std::vector<spread> by_layer(layers);
    for (const network_result* network : networks) {
        const clean_result& clean = network->clean;
        accuracy.values.push_back(clean.accuracy);
        selectivity.values.push_back(network->selectivity_mean);
        for (std::size_t l = 0; l < layers; ++l)
            by_layer[l].values.push_back(clean.layers[l].report.selectivity->measured.mean);
        const dimension_measure measure = dimension_measure::components_interpolated;
        if (early > 0) share_early.values.push_back(mean_dimensionality(clean.layers, measure, 0, early));
        share_late.values.push_back(mean_dimensionality(clean.layers, measure, early, layers));
    }
    std::vector<std::string> row{shortest(alpha), std::to_string(networks.size()), accuracy.text(3),
                                 selectivity.text(3)};
    for (const auto& layer : by_layer) row.push_back(fixed(layer.mean(), 3));
    row.push_back(share_early.text(3));
    row.push_back(share_late.text(3));
    return row;
}

} // namespace

std::string study_csv(const study_result& study) {
    std::string out = "alpha,seed,condition,layer,quantity,value\n";
    for (const auto& network : study.networks) {
        const std::string cell = shortest(network.alpha) + "," + std::to_string(network.seed) + ",";
        const row_writer rows(out, cell + ",,");
        rows.add_always("selectivity_mean", network.selectivity_mean);
        rows.add_always("train_seconds", network.train_seconds);
        rows.add_always("images_per_second", network.images_per_second);
        if (const auto& means = network.mean_corruption_accuracy) {
            rows.add_always("mean_corruption_accuracy_all", means->all);
            rows.add_always("mean_corruption_accuracy_without_frost", means->without_frost);
        }
        const std::string clean = cell + std::string(clean_label) + ",";
        row_writer(out, clean + ",").add_always("accuracy", network.clean.accuracy);
        for (const auto& layer : network.clean.layers)
            add_layer({out, clean + csv_field(layer.report.name) + ","}, layer);
        for (const auto& condition : network.conditions) {
            const std::string place = cell + csv_field(condition_label(condition)) + ",";
            const row_writer of_condition(out, place + ",");
            of_condition.add_always("accuracy", condition.accuracy);
            for (const auto& [name, accuracy] : condition.after) {
                of_condition.add_always("accuracy_after_" + name, accuracy);
            }
            of_condition.add_always("mean_l2", condition.mean_l2);
            of_condition.add_always("mean_linf", condition.mean_linf);
            for (const auto& layer : condition.layers)
                add_layer({out, place + csv_field(layer.name) + ","}, layer);
        }
    }
    return out;
}

std::vector<summary_table> summary_tables(const study_result& study) {
    networks_by_alpha by_alpha;
    for (const auto& network : study.networks) by_alpha[network.alpha].push_back(&network);
    if (by_alpha.empty()) return {};
    summary_table clean{
        .header = {"alpha", "networks", "accuracy", "selectivity"}, .rows = {}, .caption = {}};
    for (const auto& layer : study.networks[0].clean.layers) clean.header.push_back(layer.report.name);
    clean.header.insert(clean.header.end(), {"95 % early", "95 % late"});
    for (const auto& [alpha, networks] : by_alpha) clean.rows.push_back(clean_row(alpha, networks));
    clean.caption =
        "accuracy and selectivity on the clean test set, selectivity of each layer, and the share of units "
        "that\n"
        "95 % of the variance takes in early and late layers; mean +- standard deviation over seeds\n";
    std::vector<summary_table> tables{std::move(clean)};
    summary_table perturbed = perturbed_table(by_alpha);
    if (!perturbed.rows.empty()) tables.push_back(std::move(perturbed));
    return tables;
}

std::string study_table(const study_result& study) {
    std::string text;
    for (const summary_table& table : summary_tables(study)) {
        text_table lines(table.header, 0);
        for (const auto& row : table.rows) lines.add_row(row);
        text += (text.empty() ? "" : "\n") + lines.text() + table.caption;
    }
    return text + geometry_table(study);
}

} // namespace program
