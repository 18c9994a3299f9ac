// From C++: its own types, containers as buffers, and an operation that is a lambda.
#include "check.h"

#include <complex>
#include <numeric>
#include <vector>

static void types_of_cxx()
{
    bool mine = rank == 0, any = false, all = true;
    MPI_Allreduce(&mine, &any, 1, MPI_CXX_BOOL, MPI_LOR, MPI_COMM_WORLD);
    MPI_Allreduce(&mine, &all, 1, MPI_CXX_BOOL, MPI_LAND, MPI_COMM_WORLD);
    CHECK(any);
    EQUAL(all, size == 1);
    std::complex<double> number(rank, 1), sum;
    MPI_Allreduce(&number, &sum, 1, MPI_CXX_DOUBLE_COMPLEX, MPI_SUM, MPI_COMM_WORLD);
    CHECK(sum == std::complex<double>(size * (size - 1) / 2, size));
    std::complex<float> small(0, 1), product;
    MPI_Allreduce(&small, &product, 1, MPI_CXX_FLOAT_COMPLEX, MPI_PROD, MPI_COMM_WORLD);
    const std::complex<float> powers[] = {{1, 0}, {0, 1}, {-1, 0}, {0, -1}};
    CHECK(product == powers[size % 4]);
}

static void containers()
{
    std::vector<int> mine(1000), all(1000 * static_cast<std::size_t>(size));
    std::iota(mine.begin(), mine.end(), rank * 1000);
    MPI_Allgather(mine.data(), 1000, MPI_INT, all.data(), 1000, MPI_INT, MPI_COMM_WORLD);
    for (std::size_t i = 0; i < all.size(); i++) {
        EQUAL(all[i], i);
    }
}

static void lambdas()
{
    MPI_Op longest;
    MPI_Op_create(
        [](void *in, void *inout, int *count, MPI_Datatype *) {
            auto theirs = static_cast<int *>(in), ours = static_cast<int *>(inout);
            for (int i = 0; i < *count; i++) {
                ours[i] = std::abs(theirs[i]) > std::abs(ours[i]) ? theirs[i] : ours[i];
            }
        },
        1, &longest);
    int mine = rank % 2 == 0 ? rank : -rank, result = 0;
    MPI_Allreduce(&mine, &result, 1, MPI_INT, longest, MPI_COMM_WORLD);
    EQUAL(result, (size - 1) % 2 == 0 ? size - 1 : 1 - size);
    MPI_Op_free(&longest);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    types_of_cxx();
    passed("types of C++");
    containers();
    passed("containers");
    lambdas();
    passed("lambdas");
    return end();
}
