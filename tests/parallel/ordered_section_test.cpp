#include "repscope/parallel/ordered_section.hpp"

#include "repscope/parallel/thread_pool.hpp"

#include <cstddef>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

namespace ordered_section_test {

TEST_CASE("sections run in the order of their numbers for any number of threads") {
    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
        repscope::thread_pool pool(threads);
        repscope::ordered_section order;
        std::vector<std::size_t> came; // one at a time: a turn ends before the next begins
        pool.for_each(200, [&](std::size_t task) { order.enter(task, [&] { came.push_back(task); }); });
        CHECK(came.size() == 200);
        for (std::size_t k = 0; k < came.size(); ++k) CHECK(came[k] == k);
    }
}

TEST_CASE("a canceled section releases the waiting tasks") {
    for (const std::size_t threads : {std::size_t{1}, std::size_t{2}, std::size_t{7}}) {
        repscope::thread_pool pool(threads);
        repscope::ordered_section order;
        std::vector<std::size_t> came;
        const auto loop = [&] {
            pool.for_each(50, [&](std::size_t task) {
                if (task == 20) {
                    order.abort();
                    throw std::runtime_error("20");
                }
                order.enter(task, [&] { came.push_back(task); });
            });
        };
        CHECK_THROWS_WITH(loop(), "20");
        CHECK(came.size() <= 20);
        for (std::size_t k = 0; k < came.size(); ++k) CHECK(came[k] == k);
    }
}

} // namespace ordered_section_test
