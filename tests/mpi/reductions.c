/* Every operation on every type that it is for, and operations of one's own. */
#include <complex.h>
#include <float.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "check.h"

enum { COUNT = 5 };

/* Small, so that sums and products fit every type; never below zero. */
static int small(int of_rank, int place)
{
    return (of_rank * 7 + place * 3) % 4 + (of_rank == 1);
}

static long long reduced(MPI_Op op, int ranks, int place)
{
    long long result = small(0, place);
    for (int i = 1; i < ranks; i++) {
        long long next = small(i, place);
        if (op == MPI_SUM) {
            result += next;
        } else if (op == MPI_PROD) {
            result *= next;
        } else if (op == MPI_MIN) {
            result = next < result ? next : result;
        } else if (op == MPI_MAX) {
            result = next > result ? next : result;
        } else if (op == MPI_BAND) {
            result &= next;
        } else if (op == MPI_BOR) {
            result |= next;
        } else if (op == MPI_BXOR) {
            result ^= next;
        } else if (op == MPI_LAND) {
            result = result && next;
        } else if (op == MPI_LOR) {
            result = result || next;
        } else {
            result = !result != !next;
        }
    }
    /* One rank's value stays as it is. */
    int is_logical = ranks > 1 && (op == MPI_LAND || op == MPI_LOR || op == MPI_LXOR);
    return is_logical ? !!result : result;
}

/* A product of many ranks fits into no small type: the operation is left out there. */
#define REDUCES(C_TYPE, TYPE, OP)                                                               \
    do {                                                                                        \
        C_TYPE mine[COUNT], result[COUNT];                                                      \
        for (int i = 0; i < COUNT; i++) {                                                       \
            mine[i] = (C_TYPE)small(rank, i);                                                   \
        }                                                                                       \
        MPI_Allreduce(mine, result, COUNT, TYPE, OP, MPI_COMM_WORLD);                           \
        for (int i = 0; i < COUNT; i++) {                                                       \
            CHECK(result[i] == (C_TYPE)reduced(OP, size, i));                                   \
        }                                                                                       \
    } while (0)

#define ARITHMETIC(C_TYPE, TYPE)          \
    do {                                  \
        REDUCES(C_TYPE, TYPE, MPI_SUM);   \
        REDUCES(C_TYPE, TYPE, MPI_MIN);   \
        REDUCES(C_TYPE, TYPE, MPI_MAX);   \
        if (size <= 3) {                  \
            REDUCES(C_TYPE, TYPE, MPI_PROD); \
        }                                 \
    } while (0)

#define LOGICAL(C_TYPE, TYPE)            \
    do {                                 \
        REDUCES(C_TYPE, TYPE, MPI_LAND); \
        REDUCES(C_TYPE, TYPE, MPI_LOR);  \
        REDUCES(C_TYPE, TYPE, MPI_LXOR); \
    } while (0)

#define BITS(C_TYPE, TYPE)               \
    do {                                 \
        REDUCES(C_TYPE, TYPE, MPI_BAND); \
        REDUCES(C_TYPE, TYPE, MPI_BOR);  \
        REDUCES(C_TYPE, TYPE, MPI_BXOR); \
    } while (0)

#define INTEGER(C_TYPE, TYPE)     \
    do {                          \
        ARITHMETIC(C_TYPE, TYPE); \
        LOGICAL(C_TYPE, TYPE);    \
        BITS(C_TYPE, TYPE);       \
    } while (0)

static void integers(void)
{
    INTEGER(signed char, MPI_SIGNED_CHAR);
    INTEGER(unsigned char, MPI_UNSIGNED_CHAR);
    INTEGER(short, MPI_SHORT);
    INTEGER(unsigned short, MPI_UNSIGNED_SHORT);
    INTEGER(int, MPI_INT);
    INTEGER(unsigned, MPI_UNSIGNED);
    INTEGER(long, MPI_LONG);
    INTEGER(unsigned long, MPI_UNSIGNED_LONG);
    INTEGER(long long, MPI_LONG_LONG);
    INTEGER(long long, MPI_LONG_LONG_INT);
    INTEGER(unsigned long long, MPI_UNSIGNED_LONG_LONG);
    INTEGER(int8_t, MPI_INT8_T);
    INTEGER(uint8_t, MPI_UINT8_T);
    INTEGER(int16_t, MPI_INT16_T);
    INTEGER(uint16_t, MPI_UINT16_T);
    INTEGER(int32_t, MPI_INT32_T);
    INTEGER(uint32_t, MPI_UINT32_T);
    INTEGER(int64_t, MPI_INT64_T);
    INTEGER(uint64_t, MPI_UINT64_T);
    INTEGER(MPI_Aint, MPI_AINT);
    INTEGER(MPI_Offset, MPI_OFFSET);
    INTEGER(MPI_Count, MPI_COUNT);
}

static void floating_and_others(void)
{
    ARITHMETIC(float, MPI_FLOAT);
    ARITHMETIC(double, MPI_DOUBLE);
    ARITHMETIC(long double, MPI_LONG_DOUBLE);
    LOGICAL(bool, MPI_C_BOOL);
    BITS(unsigned char, MPI_BYTE);
    REDUCES(float complex, MPI_C_FLOAT_COMPLEX, MPI_SUM);
    REDUCES(double complex, MPI_C_DOUBLE_COMPLEX, MPI_SUM);
    REDUCES(long double complex, MPI_C_LONG_DOUBLE_COMPLEX, MPI_SUM);
}

/* (1 + i) to the power of the number of ranks. */
static void complex_products(void)
{
    float complex f = 1 + I, f_all;
    double complex d = 1 + I, d_all;
    long double complex l = 1 + I, l_all;
    double real = 1, imaginary = 0;
    for (int i = 0; i < size; i++) {
        double next = real - imaginary;
        imaginary = real + imaginary;
        real = next;
    }
    MPI_Allreduce(&f, &f_all, 1, MPI_C_COMPLEX, MPI_PROD, MPI_COMM_WORLD);
    MPI_Allreduce(&d, &d_all, 1, MPI_C_DOUBLE_COMPLEX, MPI_PROD, MPI_COMM_WORLD);
    MPI_Allreduce(&l, &l_all, 1, MPI_C_LONG_DOUBLE_COMPLEX, MPI_PROD, MPI_COMM_WORLD);
    CHECK(crealf(f_all) == (float)real && cimagf(f_all) == (float)imaginary);
    CHECK(creal(d_all) == real && cimag(d_all) == imaginary);
    CHECK(creall(l_all) == real && cimagl(l_all) == imaginary);
}

/* Where unsigned and signed differ. */
static void extremes(void)
{
    unsigned mine = rank == 0 ? UINT_MAX : 1, most;
    signed char small_number = (signed char)(rank == 0 ? SCHAR_MIN : 5), least;
    double large = rank == size - 1 ? DBL_MAX : -DBL_MAX, largest;
    unsigned long long wide = rank == 0 ? ULLONG_MAX : 0, widest;
    MPI_Allreduce(&mine, &most, 1, MPI_UNSIGNED, MPI_MAX, MPI_COMM_WORLD);
    CHECK(most == UINT_MAX);
    MPI_Allreduce(&small_number, &least, 1, MPI_SIGNED_CHAR, MPI_MIN, MPI_COMM_WORLD);
    EQUAL(least, SCHAR_MIN);
    MPI_Allreduce(&large, &largest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    CHECK(largest == DBL_MAX);
    MPI_Allreduce(&wide, &widest, 1, MPI_UNSIGNED_LONG_LONG, MPI_MAX, MPI_COMM_WORLD);
    CHECK(widest == ULLONG_MAX);
}

/* Every value twice or more, so that the lower index decides. */
#define LOCATES(C_TYPE, TYPE)                                                              \
    do {                                                                                   \
        struct {                                                                           \
            C_TYPE value;                                                                  \
            int index;                                                                     \
        } mine[COUNT], least[COUNT], most[COUNT];                                          \
        for (int i = 0; i < COUNT; i++) {                                                  \
            mine[i].value = (C_TYPE)small(rank, i);                                        \
            mine[i].index = size - rank;                                                   \
        }                                                                                  \
        MPI_Allreduce(mine, least, COUNT, TYPE, MPI_MINLOC, MPI_COMM_WORLD);               \
        MPI_Allreduce(mine, most, COUNT, TYPE, MPI_MAXLOC, MPI_COMM_WORLD);                \
        for (int i = 0; i < COUNT; i++) {                                                  \
            int least_at = 0, most_at = 0;                                                 \
            for (int j = 0; j < size; j++) {                                               \
                least_at = small(j, i) == (int)reduced(MPI_MIN, size, i) ? j : least_at;   \
                most_at = small(j, i) == (int)reduced(MPI_MAX, size, i) ? j : most_at;     \
            }                                                                              \
            CHECK(least[i].value == (C_TYPE)reduced(MPI_MIN, size, i));                    \
            EQUAL(least[i].index, size - least_at);                                        \
            CHECK(most[i].value == (C_TYPE)reduced(MPI_MAX, size, i));                     \
            EQUAL(most[i].index, size - most_at);                                          \
        }                                                                                  \
    } while (0)

static void locations(void)
{
    LOCATES(float, MPI_FLOAT_INT);
    LOCATES(double, MPI_DOUBLE_INT);
    LOCATES(long, MPI_LONG_INT);
    LOCATES(int, MPI_2INT);
    LOCATES(short, MPI_SHORT_INT);
    LOCATES(long double, MPI_LONG_DOUBLE_INT);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    integers();
    passed("integers");
    floating_and_others();
    passed("floating and others");
    complex_products();
    passed("complex products");
    extremes();
    passed("extremes");
    locations();
    passed("locations");
    return end();
}
