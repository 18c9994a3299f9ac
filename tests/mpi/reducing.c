/* The collectives that reduce, of all sizes and in place; operations of one's own. */
#include "check.h"

/* The sum over ranks `from` to `to`, the last not included. */
static long long sum_of(int from, int to, int place)
{
    long long sum = 0;
    for (int i = from; i < to; i++) {
        sum += value(i, place);
    }
    return sum;
}

static void set(long long *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        numbers[i] = value(rank, i);
    }
}

static void reduce_to_each(int count)
{
    long long *mine = memory((size_t)count * sizeof *mine);
    long long *sums = memory((size_t)count * sizeof *sums);
    for (int root = 0; root < size; root++) {
        set(mine, count);
        MPI_Reduce(mine, sums, count, MPI_LONG_LONG, MPI_SUM, root, MPI_COMM_WORLD);
        for (int i = 0; rank == root && i < count; i++) {
            EQUAL(sums[i], sum_of(0, size, i));
        }
        void *in_place = MPI_IN_PLACE;
        MPI_Reduce(rank == root ? in_place : mine, mine, count, MPI_LONG_LONG, MPI_SUM, root,
                   MPI_COMM_WORLD);
        for (int i = 0; i < count; i++) {
            EQUAL(mine[i], rank == root ? sum_of(0, size, i) : value(rank, i));
        }
    }
    set(mine, count);
    MPI_Allreduce(MPI_IN_PLACE, mine, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        EQUAL(mine[i], sum_of(0, size, i));
    }
    free(mine);
    free(sums);
}

static void scan(int count)
{
    long long *mine = memory((size_t)count * sizeof *mine);
    long long *sums = memory((size_t)count * sizeof *sums);
    set(mine, count);
    MPI_Scan(mine, sums, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        EQUAL(sums[i], sum_of(0, rank + 1, i));
        sums[i] = -1;
    }
    MPI_Exscan(mine, sums, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    /* What rank 0 gets is said nowhere. */
    for (int i = 0; rank > 0 && i < count; i++) {
        EQUAL(sums[i], sum_of(0, rank, i));
    }
    MPI_Scan(MPI_IN_PLACE, mine, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        EQUAL(mine[i], sum_of(0, rank + 1, i));
    }
    set(mine, count);
    MPI_Exscan(MPI_IN_PLACE, mine, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; rank > 0 && i < count; i++) {
        EQUAL(mine[i], sum_of(0, rank, i));
    }
    free(mine);
    free(sums);
}

static void reduce_and_scatter(int count)
{
    int total = size * count;
    long long *mine = memory((size_t)total * sizeof *mine);
    long long *sums = memory((size_t)(total + 1) * sizeof *sums);
    set(mine, total);
    MPI_Reduce_scatter_block(mine, sums, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        EQUAL(sums[i], sum_of(0, size, rank * count + i));
    }
    MPI_Reduce_scatter_block(MPI_IN_PLACE, mine, count, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        EQUAL(mine[i], sum_of(0, size, rank * count + i));
    }
    /* All of the even ranks' parts go to the rank before. */
    int *counts = memory((size_t)size * sizeof *counts), first = 0;
    for (int i = 0; i < size; i++) {
        counts[i] = (i % 2 == 0) * count + (i % 2 == 0 && i + 1 < size) * count;
        first += i < rank ? counts[i] : 0;
    }
    set(mine, total);
    MPI_Reduce_scatter(mine, sums, counts, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < counts[rank]; i++) {
        EQUAL(sums[i], sum_of(0, size, first + i));
    }
    MPI_Reduce_scatter(MPI_IN_PLACE, mine, counts, MPI_LONG_LONG, MPI_SUM, MPI_COMM_WORLD);
    for (int i = 0; i < counts[rank]; i++) {
        EQUAL(mine[i], sum_of(0, size, first + i));
    }
    free(counts);
    free(mine);
    free(sums);
}

/* A line x -> slope * x + shift. Putting one after another depends on the order. */
struct line {
    unsigned slope, shift;
};

/* Both, `in` first. */
static void compose(void *in, void *inout, int *count, MPI_Datatype *type)
{
    const struct line *first = in;
    struct line *second = inout;
    MPI_Aint lower, extent;
    MPI_Type_get_extent(*type, &lower, &extent);
    EQUAL(extent, sizeof(struct line));
    for (int i = 0; i < *count; i++) {
        second[i].shift += second[i].slope * first[i].shift;
        second[i].slope *= first[i].slope;
    }
}

static struct line line_of(int of_rank, int place)
{
    return (struct line){(unsigned)(of_rank * 2 + place) | 1, (unsigned)(of_rank + 3 * place)};
}

static struct line composed(int ranks, int place)
{
    struct line all = {1, 0};
    for (int i = 0; i < ranks; i++) {
        struct line next = line_of(i, place);
        all.shift = next.shift + next.slope * all.shift;
        all.slope *= next.slope;
    }
    return all;
}

static void ones_own(int count)
{
    MPI_Datatype line;
    MPI_Op op;
    int commutes = -1;
    MPI_Type_contiguous(2, MPI_UNSIGNED, &line);
    MPI_Type_commit(&line);
    MPI_Op_create(compose, 0, &op);
    MPI_Op_commutative(op, &commutes);
    EQUAL(commutes, 0);
    struct line *mine = memory((size_t)count * sizeof *mine);
    struct line *result = memory((size_t)count * sizeof *result);
    for (int i = 0; i < count; i++) {
        mine[i] = line_of(rank, i);
    }
    for (int root = 0; root < size; root++) {
        MPI_Reduce(mine, result, count, line, op, root, MPI_COMM_WORLD);
        for (int i = 0; rank == root && i < count; i++) {
            CHECK(memcmp(&result[i], &(struct line[]){composed(size, i)}, sizeof *result) == 0);
        }
    }
    MPI_Allreduce(mine, result, count, line, op, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        CHECK(memcmp(&result[i], &(struct line[]){composed(size, i)}, sizeof *result) == 0);
    }
    MPI_Scan(mine, result, count, line, op, MPI_COMM_WORLD);
    for (int i = 0; i < count; i++) {
        CHECK(memcmp(&result[i], &(struct line[]){composed(rank + 1, i)}, sizeof *result) == 0);
    }
    MPI_Exscan(mine, result, count, line, op, MPI_COMM_WORLD);
    for (int i = 0; rank > 0 && i < count; i++) {
        CHECK(memcmp(&result[i], &(struct line[]){composed(rank, i)}, sizeof *result) == 0);
    }
    MPI_Op_free(&op);
    CHECK(op == MPI_OP_NULL);
    MPI_Type_free(&line);
    free(mine);
    free(result);
}

/* The same sum on all ranks and every time, though doubles are rounded. */
static void rounding_is_the_same_everywhere(void)
{
    double mine[100], sums[100], again[100], of_first[100];
    for (int i = 0; i < 100; i++) {
        mine[i] = 1.0 / (value(rank, i) + 3) * (i % 2 ? 1e10 : 1);
    }
    MPI_Allreduce(mine, sums, 100, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    MPI_Allreduce(mine, again, 100, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    memcpy(of_first, sums, sizeof sums);
    MPI_Bcast(of_first, 100, MPI_DOUBLE, 0, MPI_COMM_WORLD);
    CHECK(memcmp(sums, again, sizeof sums) == 0);
    CHECK(memcmp(sums, of_first, sizeof sums) == 0);
}

int main(int argc, char **argv)
{
    static const int counts[] = {0, 1, 17, 700, 3000, 20000};
    begin(&argc, &argv);
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        char name[64];
        reduce_to_each(counts[i]);
        scan(counts[i]);
        reduce_and_scatter(counts[i]);
        ones_own(counts[i]);
        snprintf(name, sizeof name, "reducing %d", counts[i]);
        passed(name);
    }
    rounding_is_the_same_everywhere();
    passed("rounding is the same everywhere");
    int commutes = 0;
    MPI_Op_commutative(MPI_SUM, &commutes);
    CHECK(commutes);
    return end();
}
