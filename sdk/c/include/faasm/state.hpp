/*
 * State for C++: values, arrays and matrices in mapped state, and locks that let go of
 * themselves. "faasm/state.h" says what state is, and what holds for all of it.
 *
 *     #include <faasm/state.hpp>
 *
 *     int main()
 *     {
 *         faasm::SharedArray<double> totals("totals", 100);
 *         faasm::WriteLock lock("totals");
 *         for (double &total : totals) {
 *             total *= 2;
 *         }
 *     }
 *
 * The Shared… classes are views, like pointers: a copy shows the same value, and destroying
 * one changes nothing; a value stays mapped until the call ends. Elements must be trivially
 * copyable and should hold no pointers, which mean nothing to another call. With a `const`
 * element type the view is for reading only.
 *
 * Indices are not checked, as in the standard library. Sizes are: what cannot be mapped
 * ends the call, with the reason on its standard error. There are no exceptions.
 */
#ifndef FAASM_STATE_HPP
#define FAASM_STATE_HPP

#ifndef __cplusplus
#error "faasm/state.hpp is for C++; C programs use faasm/state.h"
#endif

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <utility>

#include "faasm/state.h"

namespace faasm {

namespace detail {

// The largest value: lengths are a `long` of 32 bits.
constexpr std::uint64_t most_bytes = 0x7fffffff;

[[noreturn]] inline void fail(const std::string &key, const char *reason)
{
    std::fprintf(stderr, "state \"%s\": %s\n", key.c_str(), reason);
    std::abort();
}

// A range of the elements of a value of `total` elements, mapped.
template <typename T> class Region {
    static_assert(std::is_trivially_copyable<T>::value,
                  "state is bytes: its elements must be trivially copyable");
    static_assert(!std::is_pointer<T>::value, "a pointer means nothing to another call");

public:
    Region(std::string name, std::uint64_t total, std::uint64_t first, std::uint64_t count)
        : key(std::move(name)), elements(static_cast<std::size_t>(count))
    {
        if (total > most_bytes / sizeof(T)) {
            fail(key, "a value has at most 2 GiB - 1");
        }
        if (first > total || count > total - first) {
            fail(key, "the range is not inside of the value");
        }
        bytes = length(total);
        offset = length(first);
        map();
    }

    T *data() const { return start; }
    std::size_t size() const { return elements; }

    void push() const { faasmPushState(key.c_str()); }

    // Up to the end of the range: a pull begins at the beginning of the value.
    void pull()
    {
        faasmPullState(key.c_str(), offset + length(elements));
        // Elsewhere, if the value was replaced.
        map();
    }

private:
    void map()
    {
        if (elements == 0) {
            return;
        }
        const long wanted = length(elements);
        std::uint8_t *mapped = wanted == bytes
                                   ? faasmReadStatePtr(key.c_str(), bytes)
                                   : faasmReadStateOffsetPtr(key.c_str(), bytes, offset, wanted);
        if (reinterpret_cast<std::uintptr_t>(mapped) % alignof(T) != 0) {
            fail(key, "the elements want a larger alignment than mapped state has");
        }
        start = reinterpret_cast<T *>(mapped);
    }

    static long length(std::uint64_t count) { return static_cast<long>(count * sizeof(T)); }

    std::string key;
    std::size_t elements;
    long bytes = 0;
    long offset = 0;
    T *start = nullptr;
};

// Holds a lock from its construction to its destruction.
template <void (*lock)(const char *), void (*unlock)(const char *)> class [[nodiscard]] Lock {
public:
    explicit Lock(std::string name) : key(std::move(name)) { lock(key.c_str()); }
    ~Lock() { unlock(key.c_str()); }
    Lock(const Lock &) = delete;
    Lock &operator=(const Lock &) = delete;

private:
    std::string key;
};

} // namespace detail

/* Many calls on one server may hold a key's read lock at a time. */
using ReadLock = detail::Lock<faasmLockStateRead, faasmUnlockStateRead>;

/* One call on one server may hold a key's write lock, and then none holds a read lock. */
using WriteLock = detail::Lock<faasmLockStateWrite, faasmUnlockStateWrite>;

/* One call on all servers: `pull` after taking it, `push` before letting it go. */
using GlobalLock = detail::Lock<faasmLockStateGlobal, faasmUnlockStateGlobal>;

/* One T under a key; all bytes zero if there is none yet. */
template <typename T> class SharedValue {
public:
    explicit SharedValue(std::string key) : region(std::move(key), 1, 0, 1) {}

    T &operator*() const { return *region.data(); }
    T *operator->() const { return region.data(); }

    /* Puts changes into the global tier; the end of the call does the same. */
    void push() const { region.push(); }

    /* Takes the value from the global tier, over changes here that were not pushed. */
    void pull() { region.pull(); }

private:
    detail::Region<T> region;
};

/* Elements of type T, one behind the other: all of a value, or a range of it. */
template <typename T> class SharedArray {
public:
    /* As many elements as the value has now; bytes behind the last whole one are left out. */
    explicit SharedArray(const std::string &key)
        : SharedArray(key, faasmReadStateSize(key.c_str()) / sizeof(T))
    {
    }

    /* All of a value of `size` elements. What is not there yet is zeros. */
    SharedArray(std::string key, std::size_t size) : region(std::move(key), size, 0, size) {}

    /*
     * `count` elements from the element `first` on, of a value of `total` elements: index 0
     * is the element `first`. Only these are mapped.
     */
    SharedArray(std::string key, std::size_t total, std::size_t first, std::size_t count)
        : region(std::move(key), total, first, count)
    {
    }

    std::size_t size() const { return region.size(); }
    bool empty() const { return size() == 0; }
    T *data() const { return region.data(); }
    T &operator[](std::size_t index) const { return data()[index]; }
    T *begin() const { return data(); }
    T *end() const { return data() + size(); }

    /* Puts changes of the value, in this range or not, into the global tier. */
    void push() const { region.push(); }

    /*
     * Takes the value from the global tier, over changes here that were not pushed. What
     * `data`, `begin` and `end` gave before is then out of date.
     */
    void pull() { region.pull(); }

private:
    detail::Region<T> region;
};

/*
 * A matrix of T, row by row: all of it, or a range of its rows. Rows and columns have the
 * numbers that they have in the whole matrix.
 */
template <typename T> class SharedMatrix {
public:
    /* All of a matrix. What is not there yet is zeros. */
    SharedMatrix(std::string key, std::size_t rows, std::size_t columns)
        : SharedMatrix(std::move(key), rows, columns, 0, rows)
    {
    }

    /* `count` rows from the row `first` on. Only these are mapped, and fetched. */
    SharedMatrix(std::string key, std::size_t rows, std::size_t columns, std::size_t first,
                 std::size_t count)
        : region(std::move(key), elements(rows, columns), elements(first, columns),
                 elements(count, columns)),
          height(rows), width(columns), from(first), mapped(count)
    {
    }

    /* Of the whole matrix. */
    std::size_t rows() const { return height; }
    std::size_t columns() const { return width; }

    /* The rows that are mapped: from `firstRow` on, before `endRow`. */
    std::size_t firstRow() const { return from; }
    std::size_t endRow() const { return from + mapped; }

    /* The elements of a mapped row. */
    T *row(std::size_t index) const { return region.data() + (index - from) * width; }
    T &operator()(std::size_t index, std::size_t column) const { return row(index)[column]; }

    /* Puts changes of the matrix, in these rows or not, into the global tier. */
    void push() const { region.push(); }

    /*
     * Takes the matrix from the global tier, over changes here that were not pushed. What
     * `row` gave before is then out of date.
     */
    void pull() { region.pull(); }

private:
    // More than any value has, where the product has no 64 bits.
    static std::uint64_t elements(std::uint64_t rows, std::uint64_t columns)
    {
        return columns != 0 && rows > UINT64_MAX / columns ? UINT64_MAX : rows * columns;
    }

    detail::Region<T> region;
    std::size_t height, width, from, mapped;
};

} // namespace faasm

#endif
