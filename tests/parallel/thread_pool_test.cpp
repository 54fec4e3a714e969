#include "repscope/parallel/thread_pool.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace thread_pool_test {

using repscope::scoped_pool;
using repscope::thread_pool;
using repscope::thread_source;

TEST_CASE("every index is called once, for any number of threads") {
    for (const std::size_t threads : {1U, 2U, 3U, 8U}) {
        thread_pool pool(threads);
        CHECK(pool.size() == threads);
        for (const std::size_t count : {0U, 1U, 2U, 7U, 1000U}) {
            std::vector<std::atomic<int>> calls(count);
            pool.for_each(count, [&](std::size_t index) { ++calls[index]; });
            CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& c) { return c == 1; }));
        }
    }
}

TEST_CASE("all writes of the tasks are seen by the caller, over many short loops") {
    thread_pool pool(3);
    std::vector<std::size_t> values(5, 0);
    for (std::size_t loop = 1; loop <= 20000; ++loop) {
        pool.for_each(values.size(), [&](std::size_t index) { values[index] += index + 1; });
        // A sleep now and then, so that some loops find the workers asleep.
        if (loop % 4000 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == 20000 * (i + 1));
}

TEST_CASE("worker numbers are below the size and never shared by tasks that run together") {
    thread_pool pool(4);
    std::vector<std::atomic<int>> busy(pool.size());
    std::atomic<int> clashes{0};
    pool.for_each(2000, [&](std::size_t, std::size_t worker) {
        if (worker >= busy.size() || busy[worker].fetch_add(1) != 0) ++clashes;
        std::this_thread::yield();
        if (worker < busy.size()) busy[worker].fetch_sub(1);
    });
    CHECK(clashes == 0);
}

TEST_CASE("several threads do work at the same time") {
    thread_pool pool(2);
    // The first task of a loop waits for the second: it can only end when another thread runs that one.
    std::atomic<int> arrived{0};
    pool.for_each(2, [&](std::size_t) {
        ++arrived;
        while (arrived < 2) std::this_thread::yield();
    });
    CHECK(arrived == 2);
}

TEST_CASE("the exception of the lowest index is rethrown, and the pool stays usable") {
    for (const std::size_t threads : {1U, 2U, 5U}) {
        thread_pool pool(threads);
        for (int repeat = 0; repeat < 100; ++repeat) {
            std::string what;
            try {
                pool.for_each(64, [](std::size_t index) {
                    if (index % 10 == 7) throw std::runtime_error(std::to_string(index));
                });
            } catch (const std::runtime_error& e) {
                what = e.what();
            }
            REQUIRE(what == "7");
        }
        std::atomic<int> calls{0};
        pool.for_each(10, [&](std::size_t) { ++calls; });
        CHECK(calls == 10);
    }
}

TEST_CASE("no new tasks are started after one has thrown") {
    thread_pool pool(2);
    std::atomic<std::size_t> started{0};
    CHECK_THROWS_AS(pool.for_each(1000000,
                                  [&](std::size_t) {
                                      ++started;
                                      throw std::runtime_error("first");
                                  }),
                    std::runtime_error);
    CHECK(started < 1000);
}

TEST_CASE("a loop inside a task runs in place") {
    thread_pool pool(3);
    std::vector<std::atomic<int>> calls(30);
    pool.for_each(6, [&](std::size_t outer) {
        const std::thread::id here = std::this_thread::get_id();
        pool.for_each(5, [&](std::size_t inner) {
            if (std::this_thread::get_id() == here) ++calls[outer * 5 + inner];
        });
    });
    CHECK(std::all_of(calls.begin(), calls.end(), [](const auto& c) { return c == 1; }));
}

TEST_CASE("two threads may share a pool; their loops take turns") {
    thread_pool pool(2);
    std::atomic<int> calls{0};
    const auto loops = [&] {
        for (int i = 0; i < 300; ++i) pool.for_each(4, [&](std::size_t) { ++calls; });
    };
    std::thread other(loops);
    loops();
    other.join();
    CHECK(calls == 2 * 300 * 4);
}

TEST_CASE("a pool may end right after its last loop, or without one") {
    for (int i = 0; i < 50; ++i) {
        thread_pool pool(4);
        if (i % 2 == 0) pool.for_each(8, [](std::size_t) {});
    }
}

TEST_CASE("a pool of one starts no thread") {
    thread_pool pool(1);
    const std::thread::id here = std::this_thread::get_id();
    std::vector<std::size_t> order;
    pool.for_each(5, [&](std::size_t index, std::size_t worker) {
        CHECK(worker == 0);
        CHECK(std::this_thread::get_id() == here);
        order.push_back(index);
    });
    CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("an thread_source is a number of threads or a pool") {
    CHECK(scoped_pool(thread_source(3))->size() == 3);
    CHECK(scoped_pool(thread_source())->size() == 1);
    CHECK(scoped_pool(thread_source(0))->size() >= 1);
    thread_pool pool(2);
    CHECK(&*scoped_pool(thread_source(pool)) == &pool);
    CHECK_THROWS_WITH_AS(thread_source(-1),
                         "repscope::thread_source: expected 0 (all cores) or more threads, got -1",
                         repscope::value_error);
    CHECK_THROWS_AS(thread_pool(100000), repscope::value_error);
}

} // namespace thread_pool_test
