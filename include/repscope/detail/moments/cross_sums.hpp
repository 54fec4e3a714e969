#pragma once

#include "repscope/bytes.hpp"
#include "repscope/detail/common/centered_rows.hpp"
#include "repscope/detail/common/finite.hpp"
#include "repscope/error.hpp"
#include "repscope/linalg/products.hpp"
#include "repscope/parallel/blocks.hpp"
#include "repscope/parallel/thread_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {
namespace detail {

/// Sums over the samples of two layers of d = x - pilot_x and e = y - pilot_y.
struct cross_sums {
    std::size_t units_x = 0, units_y = 0;
    std::vector<double> pilot_x, pilot_y;
    std::vector<double> sum_x, sum_y;     ///< of d, of e
    std::vector<double> third_x, third_y; ///< of |e|^2 d, of |d|^2 e
    double square_x = 0, square_y = 0;    ///< of |d|^2, of |e|^2
    double fourth = 0;                    ///< of |d|^2 |e|^2
    std::vector<double> products;         ///< (units_x, units_y): of d e^T; empty without pilots

    cross_sums() = default;
    /// The pilots are the means of up to 512 of the first rows.
    cross_sums(std::size_t x_units, std::size_t y_units, std::span<const double> first_x,
               std::span<const double> first_y)
        : units_x(x_units), units_y(y_units), pilot_x(pilot_of(first_x, x_units)),
          pilot_y(pilot_of(first_y, y_units)), sum_x(x_units), sum_y(y_units), third_x(x_units),
          third_y(y_units), products(x_units * y_units) {}

    /// Adds rows, which are replaced by their differences to the pilots. Throws `value_error`, and adds
    /// nothing, if their fourth powers overflow.
    template <product_backend Backend>
    void add(std::span<double> rows_x, std::span<double> rows_y, thread_pool& pool) {
        const std::size_t count = rows_x.size() / units_x;
        constexpr std::size_t task_size = 64;
        const std::size_t tasks = block_count(count, task_size), width = 2 * (units_x + units_y);
        std::vector<double> squares_x(count), squares_y(count), parts(tasks * width);
        pool.for_each(tasks, [&](std::size_t task) {
            double* const part = parts.data() + task * width;
            for (std::size_t i = task * task_size; i < (std::min)((task + 1) * task_size, count); ++i) {
                double* const d = rows_x.data() + i * units_x;
                double* const e = rows_y.data() + i * units_y;
                squares_x[i] = subtract(d, pilot_x.data(), units_x);
                squares_y[i] = subtract(e, pilot_y.data(), units_y);
                for (std::size_t u = 0; u < units_x; ++u) {
                    part[u] += d[u];
                    part[units_x + u] += squares_y[i] * d[u];
                }
                for (std::size_t u = 0; u < units_y; ++u) {
                    part[2 * units_x + u] += e[u];
                    part[2 * units_x + units_y + u] += squares_x[i] * e[u];
                }
            }
        });
        for (std::size_t i = 0; i < count; ++i) {
            if (is_finite(squares_x[i] * squares_y[i] * static_cast<double>(count))) continue;
            errors::throw_value_error("cross_covariance",
                                      "expected activations whose fourth powers fit a double, got larger "
                                      "ones: scale them first");
        }
        for (std::size_t i = 0; i < count; ++i) {
            square_x += squares_x[i];
            square_y += squares_y[i];
            fourth += squares_x[i] * squares_y[i];
        }
        for (std::size_t task = 0; task < tasks; ++task) {
            const double* part = parts.data() + task * width;
            for (std::size_t u = 0; u < units_x; ++u) {
                sum_x[u] += part[u];
                third_x[u] += part[units_x + u];
            }
            for (std::size_t u = 0; u < units_y; ++u) {
                sum_y[u] += part[2 * units_x + u];
                third_y[u] += part[2 * units_x + units_y + u];
            }
        }
        // Tiles of the result are tasks, so samples are never divided among threads.
        constexpr std::size_t edge = 128, block_size = 256;
        const std::size_t columns = block_count(units_y, edge);
        const auto add_tile = [&](std::size_t tile) {
            const std::size_t row = tile / columns * edge, column = tile % columns * edge;
            for (std::size_t first = 0; first < count; first += block_size) {
                Backend::template gemm<factor::transposed, factor::as_is>(
                    (std::min)(edge, units_x - row), (std::min)(edge, units_y - column),
                    (std::min)(block_size, count - first), 1.0, rows_x.data() + first * units_x + row,
                    units_x, rows_y.data() + first * units_y + column, units_y, 1.0,
                    products.data() + row * units_y + column, units_y);
            }
        };
        const std::size_t tiles = block_count(units_x, edge) * columns;
        if constexpr (Backend::concurrent) {
            pool.for_each(tiles, add_tile);
        } else {
            for (std::size_t tile = 0; tile < tiles; ++tile) add_tile(tile);
        }
    }

    /// Changes the pilots of `n` samples by `to_x` and `to_y`.
    void move_pilots(double n, std::span<const double> to_x, std::span<const double> to_y) {
        std::vector<double> turned_x(units_x), turned_y(units_y); // S to_y, S^T to_x
        for (std::size_t u = 0; u < units_x; ++u) {
            for (std::size_t v = 0; v < units_y; ++v) {
                turned_x[u] += products[u * units_y + v] * to_y[v];
                turned_y[v] += products[u * units_y + v] * to_x[u];
            }
        }
        double xx = 0, yy = 0, along_x = 0, along_y = 0, third_along_x = 0, third_along_y = 0, bilinear = 0;
        for (std::size_t u = 0; u < units_x; ++u) {
            xx += to_x[u] * to_x[u];
            along_x += to_x[u] * sum_x[u];
            third_along_x += to_x[u] * third_x[u];
            bilinear += to_x[u] * turned_x[u];
        }
        for (std::size_t v = 0; v < units_y; ++v) {
            yy += to_y[v] * to_y[v];
            along_y += to_y[v] * sum_y[v];
            third_along_y += to_y[v] * third_y[v];
        }
        fourth += -2 * third_along_y - 2 * third_along_x + yy * square_x + xx * square_y + 4 * bilinear -
                  2 * yy * along_x - 2 * xx * along_y + n * xx * yy;
        for (std::size_t u = 0; u < units_x; ++u) {
            third_x[u] += -square_y * to_x[u] - 2 * turned_x[u] + 2 * along_y * to_x[u] + yy * sum_x[u] -
                          n * yy * to_x[u];
        }
        for (std::size_t v = 0; v < units_y; ++v) {
            third_y[v] += -square_x * to_y[v] - 2 * turned_y[v] + 2 * along_x * to_y[v] + xx * sum_y[v] -
                          n * xx * to_y[v];
        }
        square_x += -2 * along_x + n * xx;
        square_y += -2 * along_y + n * yy;
        for (std::size_t u = 0; u < units_x; ++u) {
            for (std::size_t v = 0; v < units_y; ++v)
                products[u * units_y + v] += n * to_x[u] * to_y[v] - to_x[u] * sum_y[v] - sum_x[u] * to_y[v];
        }
        for (std::size_t u = 0; u < units_x; ++u) {
            sum_x[u] -= n * to_x[u];
            pilot_x[u] += to_x[u];
        }
        for (std::size_t v = 0; v < units_y; ++v) {
            sum_y[v] -= n * to_y[v];
            pilot_y[v] += to_y[v];
        }
    }

    /// Changes the pilots to the means of the `n` samples.
    void move_to_means(double n) {
        std::vector<double> to_x = sum_x, to_y = sum_y;
        for (double& value : to_x) value /= n;
        for (double& value : to_y) value /= n;
        move_pilots(n, to_x, to_y);
    }

    /// Adds the sums of `more` samples to those of `n`.
    void merge(cross_sums other, double n, double more) {
        move_to_means(n);
        other.move_to_means(more);
        std::vector<double> to_x(units_x), to_y(units_y), from_x(units_x), from_y(units_y);
        const auto divide = [&](const std::vector<double>& mine, const std::vector<double>& theirs,
                                std::vector<double>& to, std::vector<double>& from) {
            for (std::size_t u = 0; u < to.size(); ++u) {
                const double apart = theirs[u] - mine[u];
                to[u] = apart * (more / (n + more));
                from[u] = -apart * (n / (n + more));
            }
        };
        divide(pilot_x, other.pilot_x, to_x, from_x);
        divide(pilot_y, other.pilot_y, to_y, from_y);
        move_pilots(n, to_x, to_y);
        other.move_pilots(more, from_x, from_y);
        const auto add_all = [](std::vector<double>& to, const std::vector<double>& from) {
            for (std::size_t k = 0; k < to.size(); ++k) to[k] += from[k];
        };
        add_all(sum_x, other.sum_x);
        add_all(sum_y, other.sum_y);
        add_all(third_x, other.third_x);
        add_all(third_y, other.third_y);
        add_all(products, other.products);
        square_x += other.square_x;
        square_y += other.square_y;
        fourth += other.fourth;
    }

    void save(byte_writer& out) const {
        for (const auto* values : {&pilot_x, &pilot_y, &sum_x, &sum_y, &third_x, &third_y, &products})
            out.put_all(std::span<const double>(*values));
        for (const double value : {square_x, square_y, fourth}) out.put(value);
    }
    [[nodiscard]] static cross_sums load(byte_reader& in, std::size_t x_units, std::size_t y_units) {
        cross_sums sums(x_units, y_units, {}, {});
        for (auto* values : {&sums.pilot_x, &sums.pilot_y, &sums.sum_x, &sums.sum_y, &sums.third_x,
                             &sums.third_y, &sums.products})
            in.get_all(std::span(*values));
        for (double* value : {&sums.square_x, &sums.square_y, &sums.fourth}) *value = in.get<double>();
        return sums;
    }

  private:
    [[nodiscard]] static std::vector<double> pilot_of(std::span<const double> rows, std::size_t units) {
        const auto first = rows.first((std::min)(rows.size(), 512 * units));
        std::vector<double> pilot = mean_about_first(first, units);
        for (std::size_t u = 0; u < units && !first.empty(); ++u) pilot[u] += first[u];
        return pilot;
    }
};

} // namespace detail
} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
