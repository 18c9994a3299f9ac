/*
 * Sample sort: every rank sorts its numbers, samples of all ranks say which range of numbers
 * each is to have, all exchange, and each merges what it got. Then the ranks, in order, have
 * all numbers in order.
 *
 * An argument is how many numbers each rank has: 50000 otherwise.
 */
#include <mpi.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

using Numbers = std::vector<std::uint32_t>;

// The same on every machine, unlike rand().
static Numbers random_numbers(int count, int rank)
{
    Numbers numbers(static_cast<std::size_t>(count));
    std::uint64_t state = 0x9e3779b97f4a7c15u * (static_cast<std::uint64_t>(rank) + 1);
    for (auto &number : numbers) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        number = static_cast<std::uint32_t>(state >> 32);
    }
    return numbers;
}

// The largest number of every range but the last, from a sample of each rank's sorted numbers.
static Numbers splitters(const Numbers &sorted, int size)
{
    Numbers samples(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < samples.size(); i++) {
        samples[i] = sorted.empty() ? 0 : sorted[i * sorted.size() / samples.size()];
    }
    Numbers all(samples.size() * samples.size());
    MPI_Allgather(samples.data(), size, MPI_UINT32_T, all.data(), size, MPI_UINT32_T,
                  MPI_COMM_WORLD);
    std::sort(all.begin(), all.end());
    Numbers chosen;
    for (std::size_t i = 1; i < samples.size(); i++) {
        chosen.push_back(all[i * samples.size()]);
    }
    return chosen;
}

// Where each part begins, given how many it has; the sum of all is at the end.
static std::vector<int> beginnings(const std::vector<int> &counts)
{
    std::vector<int> first{0};
    for (int count : counts) {
        first.push_back(first.back() + count);
    }
    return first;
}

// This rank's range of all numbers.
static Numbers redistribute(const Numbers &sorted, int size)
{
    std::vector<int> out;
    auto begin = sorted.begin();
    for (std::uint32_t splitter : splitters(sorted, size)) {
        auto end = std::upper_bound(begin, sorted.end(), splitter);
        out.push_back(static_cast<int>(end - begin));
        begin = end;
    }
    out.push_back(static_cast<int>(sorted.end() - begin));

    std::vector<int> in(out.size());
    MPI_Alltoall(out.data(), 1, MPI_INT, in.data(), 1, MPI_INT, MPI_COMM_WORLD);
    auto out_first = beginnings(out), in_first = beginnings(in);
    Numbers range(static_cast<std::size_t>(in_first.back()));
    MPI_Alltoallv(sorted.data(), out.data(), out_first.data(), MPI_UINT32_T, range.data(),
                  in.data(), in_first.data(), MPI_UINT32_T, MPI_COMM_WORLD);
    for (std::size_t i = 1; i < in.size(); i++) {
        std::inplace_merge(range.begin(), range.begin() + in_first[i],
                           range.begin() + in_first[i + 1]);
    }
    return range;
}

// Whether the numbers of this rank are in order and none is below those of the ranks before.
static bool is_in_order(const Numbers &range)
{
    std::uint32_t largest = range.empty() ? 0 : range.back();
    std::uint32_t before = 0;
    MPI_Exscan(&largest, &before, 1, MPI_UINT32_T, MPI_MAX, MPI_COMM_WORLD);
    int rank;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    return std::is_sorted(range.begin(), range.end()) &&
           (rank == 0 || range.empty() || before <= range.front());
}

// The same for the same numbers, in whatever order and on whatever ranks.
static std::uint64_t fingerprint(const Numbers &numbers)
{
    std::uint64_t sum = 0;
    for (std::uint64_t number : numbers) {
        sum += (number + 1) * (number ^ 0xff51afd7ed558ccdu);
    }
    std::uint64_t all;
    MPI_Allreduce(&sum, &all, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    return all;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int count = argc > 1 ? std::atoi(argv[1]) : 50000;
    if (count < 1 || count > 10000000) {
        if (rank == 0) {
            std::fprintf(stderr, "the argument is: how many numbers a rank has, 1 to 10000000\n");
        }
        MPI_Finalize();
        return 1;
    }

    Numbers numbers = random_numbers(count, rank);
    std::uint64_t before = fingerprint(numbers);
    std::sort(numbers.begin(), numbers.end());
    Numbers range = redistribute(numbers, size);

    int is_right = is_in_order(range) && fingerprint(range) == before;
    int all_right;
    MPI_Reduce(&is_right, &all_right, 1, MPI_INT, MPI_LAND, 0, MPI_COMM_WORLD);
    // Where rank 0's range ends, of which the samples decide.
    if (rank == 0) {
        std::printf("%d ranks sorted %lld numbers: %s; the first rank has %zu of them\n", size,
                    static_cast<long long>(size) * count, all_right ? "right" : "wrong",
                    range.size());
    }
    MPI_Bcast(&all_right, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Finalize();
    return all_right ? 0 : 1;
}
