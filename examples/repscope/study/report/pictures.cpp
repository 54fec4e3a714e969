#include "study/report/pictures.hpp"

#include "files/base64.hpp"
#include "files/output_file.hpp"
#include "images/contact_sheet.hpp"
#include "render/csv.hpp"
#include "render/html.hpp"
#include "render/text_table.hpp"
#include "study/report/figures/plots.hpp"
#include "study/report/outcomes.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>
#include <utility>

namespace program {

namespace {

// Planes (images, channels, rows, columns) as pixels of three colors.
std::vector<std::uint8_t> colored(std::span<const std::uint8_t> planes, std::size_t channels,
                                  std::size_t plane) {
    std::vector<std::uint8_t> pixels;
    const std::size_t image = channels * plane;
    pixels.reserve(planes.size() / channels * 3);
    for (std::size_t n = 0; n + image <= planes.size(); n += image) {
        for (std::size_t p = 0; p < plane; ++p) {
            for (std::size_t c = 0; c < 3; ++c)
                pixels.push_back(planes[n + std::min(c, channels - 1) * plane + p]);
        }
    }
    return pixels;
}

std::span<const std::uint8_t> picture_of(const std::vector<std::uint8_t>& pixels, const picture_size& size,
                                         std::size_t image) {
    return std::span(pixels).subspan(image * size.bytes(), size.bytes());
}

contact_sheet sheet_of(const study_pictures& pictures, std::size_t rows, std::size_t columns,
                       std::size_t blocks) {
    return {pictures.size, rows, columns, blocks};
}

void put_row(contact_sheet& sheet, const study_pictures& pictures, std::size_t row, std::size_t column,
             const std::vector<std::uint8_t>& pixels, const std::vector<bool>& right) {
    for (std::size_t i = 0; i < pictures.images; ++i)
        sheet.put(row, column + i, picture_of(pixels, pictures.size, i));
    // Frames cover the space between the pictures, so they are drawn last.
    for (std::size_t i = 0; i < right.size(); ++i) {
        if (!right[i]) sheet.mark(row, column + i);
    }
}

// Shown at twice its size, its pixels as blocks.
std::string image_element(const contact_sheet& sheet, const study_pictures& pictures,
                          const std::string& label) {
    const std::size_t width = 2 * (pictures.images * (pictures.size.width + 2) + 2);
    return "<img class=\"pixels\" width=\"" + std::to_string(width) + "\" alt=\"" + escaped(label) +
           "\" src=\"data:image/png;base64," + base64(sheet.png()) + "\">";
}

std::string factor_text(double factor) {
    return factor == 1.0 ? "as it is" : factor > 1.0 ? "enlarged " + fixed(factor, 0) + " times" : "halved";
}

// The networks of the first seed in the order of alpha.
std::vector<const network_result*> networks_of_first_seed(const ordered_networks& networks) {
    std::vector<const network_result*> those;
    for (const network_result* network : networks.all) {
        if (network->seed == networks.all[0]->seed) those.push_back(network);
    }
    return those;
}

// The condition of an attack or of random signs, with a size; null if it was not measured.
const condition_result* condition_of(const network_result& network, condition_kind kind,
                                     std::string_view name, double eps) {
    for (const condition_result& condition : network.conditions) {
        if (condition.kind == kind && condition.name == name && condition.eps == eps) return &condition;
    }
    return nullptr;
}

// The outcomes under a corruption of severity 3; none if it was not measured.
std::vector<bool> correct_under(const network_result& network, std::string_view corruption) {
    for (const condition_result& condition : network.conditions) {
        if (condition.kind == condition_kind::corruption && condition.name == corruption &&
            condition.severity == 3) {
            return condition.correct;
        }
    }
    return {};
}

// Adds rows of the first images, as many as all conditions have.
class picture_rows {
  public:
    picture_rows(study_pictures& pictures, const image_set& test)
        : pictures_(pictures), test_(test), bytes_(pictures.images * test.image_size()) {}

    void add(const std::string& label, std::span<const std::uint8_t> planes,
             const std::vector<bool>& correct) {
        // A condition of fewer images shows fewer.
        if (planes.size() < bytes_) pictures_.images = planes.size() / test_.image_size();
        pictures_.rows.push_back({label,
                                  colored(planes.first(std::min(bytes_, planes.size())), test_.channels,
                                          test_.rows * test_.columns),
                                  correct});
    }
    [[nodiscard]] bool has(const std::string& label) const {
        return std::any_of(pictures_.rows.begin(), pictures_.rows.end(),
                           [&](const picture_row& row) { return row.label == label; });
    }
    // Makes all rows as long as the shortest.
    void finish() {
        for (picture_row& row : pictures_.rows) {
            row.pixels.resize(pictures_.images * pictures_.size.bytes());
            row.right.resize(std::min(row.right.size(), pictures_.images));
        }
    }

  private:
    study_pictures& pictures_;
    const image_set& test_;
    std::size_t bytes_;
};

// A row of the first attack that was measured, in the order of strength.
void add_attacked(picture_rows& rows, const ordered_networks& networks, const network_result& network,
                  double eps) {
    constexpr std::pair<const char*, const char*> attacks[]{
        {"pgd", "PGD"}, {"autoattack", "AutoAttack"}, {"fgsm", "FGSM"}};
    for (const auto& [name, title] : attacks) {
        const condition_result* attacked = condition_of(network, condition_kind::attack, name, eps);
        if (attacked == nullptr || attacked->pixels.empty()) continue;
        const std::string label = std::string(title) + " " + networks.size_text(eps) + ", " + networks.key() +
                                  " " + networks.label(network.alpha);
        if (!rows.has(label)) rows.add(label, attacked->pixels, attacked->correct);
        return;
    }
}

void add_perturbed(picture_rows& rows, const ordered_networks& networks,
                   const std::vector<const network_result*>& those, const network_result& middle,
                   double eps) {
    bool random_shown = false;
    for (const network_result* network : {those.front(), &middle, those.back()}) {
        // Random signs are the same for all networks.
        const condition_result* random = condition_of(*network, condition_kind::random, "", eps);
        if (!random_shown && random != nullptr && !random->pixels.empty()) {
            const condition_result* of_middle = condition_of(middle, condition_kind::random, "", eps);
            rows.add("random signs, " + networks.size_text(eps), random->pixels,
                     of_middle == nullptr ? std::vector<bool>() : of_middle->correct);
            random_shown = true;
        }
        add_attacked(rows, networks, *network, eps);
    }
}

std::string caption_of(const study_pictures& pictures, const ordered_networks& networks) {
    const std::string frames =
        networks.models.empty()
            ? "by the network of the row or, where it names none, by that of the alpha nearest to 0; first "
              "seed"
            : "by the model of the row or, where it names none, by " + networks.label(0.0);
    return "The first " + std::to_string(pictures.images) +
           (networks.models.empty() ? " test images" : " inputs") +
           ". An orange frame: wrongly classified, " + frames + ". Pixels under attack are rounded to bytes.";
}

} // namespace

std::size_t shown_pictures(std::size_t columns) {
    return std::min(picture_count, std::max<std::size_t>(1, 218 / (columns + 2)));
}

bool shows_pictures(std::size_t channels, std::size_t rows, std::size_t columns) {
    return (channels == 1 || channels == 3) && rows > 1 && columns > 1;
}

study_pictures take_pictures(const ordered_networks& networks, const image_set& test,
                             corrupted_images* corrupted, double eps) {
    const std::vector<const network_result*> those = networks_of_first_seed(networks);
    const network_result& middle =
        **std::min_element(those.begin(), those.end(), [](const network_result* a, const network_result* b) {
            return std::abs(a->alpha) < std::abs(b->alpha);
        });
    study_pictures pictures;
    pictures.size = {test.rows, test.columns, 3};
    pictures.images = std::min(test.images, shown_pictures(test.columns));
    picture_rows rows(pictures, test);
    rows.add("clean", test.pixels, middle.clean.correct);
    if (corrupted != nullptr) {
        for (const char* name : {"gaussian_noise", "glass_blur", "fog", "contrast"}) {
            rows.add(spaced(name) + ", severity 3", corrupted->under(name, 3).pixels,
                     correct_under(middle, name));
        }
    }
    add_perturbed(rows, networks, those, middle, eps);
    rows.finish();
    pictures.caption = caption_of(pictures, networks);
    return pictures;
}

enlarged_difference difference_of(const picture_row& row, const picture_row& clean) {
    enlarged_difference found;
    int largest = 0;
    for (std::size_t p = 0; p < row.pixels.size(); ++p)
        largest = std::max(largest, std::abs(int{row.pixels[p]} - int{clean.pixels[p]}));
    if (largest > 0 && largest <= 127) found.factor = std::floor(127.0 / largest);
    if (largest > 127) found.factor = 0.5;
    for (std::size_t p = 0; p < row.pixels.size(); ++p) {
        const double value = 128.0 + found.factor * (int{row.pixels[p]} - int{clean.pixels[p]});
        found.pixels.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(value), 0L, 255L)));
    }
    return found;
}

std::string picture_table(const study_pictures& pictures) {
    std::string text =
        "<div class=\"wide\"><table class=\"pictures\"><thead><tr><th class=\"name\">condition</th>"
        "<th class=\"name\">images</th><th class=\"name\">difference to clean, about "
        "gray</th></tr></thead><tbody>\n";
    for (const picture_row& row : pictures.rows) {
        const bool is_clean = &row == &pictures.rows.front();
        contact_sheet images = sheet_of(pictures, 1, pictures.images, 1);
        put_row(images, pictures, 0, 0, row.pixels, row.right);
        const enlarged_difference difference = difference_of(row, pictures.rows.front());
        contact_sheet differences = sheet_of(pictures, 1, pictures.images, 1);
        put_row(differences, pictures, 0, 0, difference.pixels, {});
        text += "<tr><td class=\"name\">" + escaped(row.label) +
                (is_clean ? "" : "<br><small>difference, " + factor_text(difference.factor) + "</small>") +
                "</td><td>" + image_element(images, pictures, row.label) + "</td><td>" +
                (is_clean ? "" : image_element(differences, pictures, row.label + ", difference")) +
                "</td></tr>\n";
    }
    return text + "</tbody></table></div>\n";
}

std::string picture_sheet(const study_pictures& pictures) {
    contact_sheet sheet = sheet_of(pictures, pictures.rows.size(), 2 * pictures.images + 1, 2);
    for (std::size_t r = 0; r < pictures.rows.size(); ++r) {
        const picture_row& row = pictures.rows[r];
        if (r > 0)
            put_row(sheet, pictures, r, pictures.images + 1, difference_of(row, pictures.rows[0]).pixels, {});
        put_row(sheet, pictures, r, 0, row.pixels, {});
    }
    // Frames over what is between two rows, too.
    for (std::size_t r = 0; r < pictures.rows.size(); ++r) {
        for (std::size_t i = 0; i < pictures.rows[r].right.size(); ++i) {
            if (!pictures.rows[r].right[i]) sheet.mark(r, i);
        }
    }
    return sheet.png();
}

std::string write_pictures(const std::string& folder, const study_pictures& pictures) {
    if (pictures.rows.empty() || pictures.images == 0) return {};
    write_output(folder + "/figures/images.png", picture_sheet(pictures));
    write_output(folder + "/figures/images.csv", picture_csv(pictures));
    return "<h2 id=\"images\">Images</h2>\n" + picture_table(pictures) + "<p class=\"caption\">" +
           escaped(pictures.caption) +
           " <a href=\"figures/images.png\">PNG</a> <a href=\"figures/images.csv\">CSV</a></p>\n";
}

std::string picture_csv(const study_pictures& pictures) {
    std::string text = "row,condition,images,right,factor_of_difference\n";
    for (std::size_t r = 0; r < pictures.rows.size(); ++r) {
        const picture_row& row = pictures.rows[r];
        text += csv_line({std::to_string(r + 1), csv_field(row.label), std::to_string(pictures.images),
                          std::to_string(std::count(row.right.begin(), row.right.end(), true)),
                          r == 0 ? "" : csv_field(difference_of(row, pictures.rows[0]).factor)});
    }
    return text;
}

} // namespace program
