#pragma once

#include "repscope/version.hpp"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>
#include <string_view>
#include <unistd.h>

namespace repscope {
inline namespace REPSCOPE_NAMESPACE {

namespace detail {

/// A slot for one name. Slots are reused and never freed, so that a signal handler may walk over them at any
/// time.
struct name_place {
    std::atomic<char*> name{nullptr};
    name_place* next = nullptr; ///< set before the slot is published
};

static_assert(std::atomic<char*>::is_always_lock_free, "a signal handler reads these");

inline std::atomic<name_place*> name_places{nullptr};

/// Names that `remove_temporary_files()` took. They are never freed, because a signal handler may still read
/// them; this list keeps them reachable.
inline std::atomic<name_place*> taken_names{nullptr};

inline void add_place(std::atomic<name_place*>& list, name_place* place) noexcept {
    place->next = list.load();
    while (!list.compare_exchange_weak(place->next, place)) {
    }
}

} // namespace detail

/// Registers the name of a temporary file or folder for `remove_temporary_files()` during its lifetime. It
/// does not change the file itself.
class temporary_name {
  public:
    /// Registers a copy of `path`; call it before the file is created, so that no signal can come in between.
    explicit temporary_name(std::string_view path) : name_(new char[path.size() + 1]) {
        std::memcpy(name_, path.data(), path.size());
        name_[path.size()] = '\0';
        for (place_ = detail::name_places.load(); place_ != nullptr; place_ = place_->next) {
            char* none = nullptr;
            if (place_->name.compare_exchange_strong(none, name_)) return;
        }
        place_ = new detail::name_place;
        place_->name = name_;
        detail::add_place(detail::name_places, place_);
    }
    temporary_name(const temporary_name&) = delete;
    temporary_name& operator=(const temporary_name&) = delete;
    ~temporary_name() {
        // If a signal handler has taken the name, it may still read it, so it is not freed.
        char* mine = name_;
        if (place_->name.compare_exchange_strong(mine, nullptr)) {
            delete[] name_;
        } else if (auto* taken = new (std::nothrow) detail::name_place) {
            taken->name = name_;
            detail::add_place(detail::taken_names, taken);
        }
    }

  private:
    char* name_;
    detail::name_place* place_;
};

/// Removes all registered temporary files, then the registered folders that are empty: those of every
/// `atomic_file` without a commit. Async-signal-safe, for a handler that ends the process; afterwards the
/// file of a removed name cannot be committed.
inline void remove_temporary_files() noexcept {
    const int before = errno;
    for (const bool folders : {false, true}) {
        for (auto* place = detail::name_places.load(); place != nullptr; place = place->next) {
            char* const name = place->name.exchange(nullptr);
            if (name == nullptr) continue;
            if (folders) {
                ::rmdir(name);
            } else if (::unlink(name) != 0 && (errno == EISDIR || errno == EPERM)) {
                place->name = name; // a folder, removed once it is empty
            }
        }
    }
    errno = before;
}

} // namespace REPSCOPE_NAMESPACE
} // namespace repscope
