/*
 * Small parallel programs. Rank 0 prints `NAME BYTES NANOSECONDS` for each: the memory that all
 * ranks work on, and what one turn takes. Each checks its own result. Arguments name what to
 * run; all of it otherwise.
 */
#include <math.h>

#include "measure.h"

static int left, right;
/* How many turns were taken since the memory was prepared. */
static int taken;

static void need(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "rank %d: %s is wrong\n", rank, what);
        MPI_Abort(MPI_COMM_WORLD, 1);
        exit(1);
    }
}

static double *first, *second, *third;

/* a += b + 3 c, each on its own. */
static void nstream(int size, int turns)
{
    for (int t = 0; t < turns; t++, taken++) {
        for (int i = 0; i < size; i++) {
            first[i] += second[i] + 3.0 * third[i];
        }
        /* Or a compiler does all turns for one number before the next. */
        __asm__ volatile("" ::: "memory");
    }
}

static void run_nstream(int size)
{
    for (int i = 0; i < size; i++) {
        first[i] = 0;
        second[i] = 2;
        third[i] = 2;
    }
}

static int check_nstream(int size)
{
    return first[0] == 8.0 * taken && first[size - 1] == 8.0 * taken;
}

/* B += transposed A, of `size` columns in all; each rank has some, and sends a square to each. */
static void transpose(int size, int turns)
{
    int own = size / ranks;
    for (int t = 0; t < turns; t++, taken++) {
        for (int other = 0; other < ranks; other++) {
            for (int i = 0; i < own; i++) {
                for (int j = 0; j < own; j++) {
                    third[(other * own + j) * own + i] = first[(i * ranks + other) * own + j];
                }
            }
        }
        MPI_Alltoall(third, own * own, MPI_DOUBLE, second + size * own, own * own, MPI_DOUBLE,
                     MPI_COMM_WORLD);
        for (int i = 0; i < own; i++) {
            for (int other = 0; other < ranks; other++) {
                for (int j = 0; j < own; j++) {
                    second[i * size + other * own + j] +=
                        second[size * own + (other * own + i) * own + j];
                }
            }
        }
    }
}

static void run_transpose(int size)
{
    int own = size / ranks;
    for (int i = 0; i < own * size; i++) {
        first[i] = rank * own * size + i;
        second[i] = 0;
    }
}

static int check_transpose(int size)
{
    int own = size / ranks, row = rank * own + own - 1, column = size - 1;
    return second[(own - 1) * size + column] == (double)taken * (column * size + row);
}

/* A star of five points on rows that the ranks share. */
static void stencil(int size, int turns)
{
    int rows = size / ranks;
    for (int t = 0; t < turns; t++, taken++) {
        MPI_Request requests[4];
        int above = rank > 0 ? left : MPI_PROC_NULL;
        int below = rank + 1 < ranks ? right : MPI_PROC_NULL;
        MPI_Irecv(first, size, MPI_DOUBLE, above, 1, MPI_COMM_WORLD, &requests[0]);
        MPI_Irecv(first + (rows + 1) * size, size, MPI_DOUBLE, below, 2, MPI_COMM_WORLD,
                  &requests[1]);
        MPI_Isend(first + size, size, MPI_DOUBLE, above, 2, MPI_COMM_WORLD, &requests[2]);
        MPI_Isend(first + rows * size, size, MPI_DOUBLE, below, 1, MPI_COMM_WORLD, &requests[3]);
        MPI_Waitall(4, requests, MPI_STATUSES_IGNORE);
        for (int i = 1; i <= rows; i++) {
            for (int j = 1; j < size - 1; j++) {
                const double *p = first + i * size + j;
                second[i * size + j] += 0.25 * (p[-size] + p[size]) + 0.5 * (p[1] - p[-1]);
            }
        }
        for (int i = size; i < (rows + 1) * size; i++) {
            first[i] += 1;
        }
    }
}

/* A slope in both directions, whose star is the same everywhere. */
static void run_stencil(int size)
{
    int rows = size / ranks;
    for (int i = 0; i < (rows + 2) * size; i++) {
        first[i] = rank * rows + i / size + i % size;
        second[i] = 0;
    }
}

static int check_stencil(int size)
{
    int rows = size / ranks, row = rows / 2;
    double start = rank * rows + row + 5, expected = 0;
    for (int t = 0; t < taken; t++) {
        expected += 0.5 * (start + t) + 1;
    }
    return rows < 3 || fabs(second[row * size + 5] - expected) < 1e-9 * expected + 1e-9;
}

/* Everyone's vector, added up at rank 0. */
static void reduce(int size, int turns)
{
    for (int t = 0; t < turns; t++, taken++) {
        for (int i = 0; i < size; i++) {
            first[i] += second[i];
        }
        MPI_Reduce(first, third, size, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    }
}

static void run_reduce(int size)
{
    for (int i = 0; i < size; i++) {
        first[i] = rank;
        second[i] = 1;
    }
}

static int check_reduce(int size)
{
    double expected = ranks * (ranks - 1) / 2 + (double)ranks * taken;
    return rank != 0 || (third[0] == expected && third[size - 1] == expected);
}

/* A sparse matrix of 8 entries a row times a vector, which all ranks have in turn. */
static void sparse(int size, int turns)
{
    int own = size / ranks;
    for (int t = 0; t < turns; t++, taken++) {
        MPI_Allgather(first, own, MPI_DOUBLE, second, own, MPI_DOUBLE, MPI_COMM_WORLD);
        for (int i = 0; i < own; i++) {
            unsigned row = (unsigned)(rank * own + i), column = row * 7919u;
            double sum = 0;
            for (int k = 0; k < 8; k++) {
                column = column * 1664525u + 1013904223u;
                sum += third[i * 8 + k] * second[column % (unsigned)size];
            }
            first[i] = sum;
        }
    }
}

/* Every row adds up to one, so that a vector of one number stays what it is. */
static void run_sparse(int size)
{
    int own = size / ranks;
    for (int i = 0; i < own; i++) {
        first[i] = 3;
        for (int k = 0; k < 8; k++) {
            third[i * 8 + k] = 0.125;
        }
    }
}

static int check_sparse(int size)
{
    return first[0] == 3 && first[size / ranks - 1] == 3;
}

/* A wave front: a rank begins a row when the one before has done its part of it. */
static void p2p(int size, int turns)
{
    int own = size / ranks;
    for (int t = 0; t < turns; t++, taken++) {
        for (int row = 1; row < size; row++) {
            double *here = first + row * (own + 1), *above = here - own - 1;
            if (rank > 0) {
                MPI_Recv(here, 1, MPI_DOUBLE, left, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            }
            for (int j = 1; j <= own; j++) {
                here[j] = above[j] + here[j - 1] - above[j - 1];
            }
            if (rank + 1 < ranks) {
                MPI_Send(here + own, 1, MPI_DOUBLE, right, 1, MPI_COMM_WORLD);
            }
        }
        /* The corner, with the other sign, goes to the beginning. */
        double corner = -first[(size - 1) * (own + 1) + own];
        MPI_Bcast(&corner, 1, MPI_DOUBLE, ranks - 1, MPI_COMM_WORLD);
        if (rank == 0) {
            first[0] = corner;
        }
    }
}

static void run_p2p(int size)
{
    int own = size / ranks;
    memset(first, 0, (size_t)size * (size_t)(own + 1) * sizeof *first);
    for (int j = 0; j <= own; j++) {
        first[j] = rank * own + j;
    }
    for (int row = 0; row < size && rank == 0; row++) {
        first[row * (own + 1)] = row;
    }
}

static int check_p2p(int size)
{
    int own = size / ranks;
    double corner = (double)taken * (size - 1 + own * ranks);
    return rank + 1 < ranks || fabs(first[(size - 1) * (own + 1) + own] - corner) < 1e-6 * corner;
}

struct kernel {
    const char *name;
    Work work;
    void (*prepare)(int size);
    int (*check)(int size);
    /* What it is given, and how many doubles that makes of each array at a rank. */
    int size, turns;
    size_t room;
};

static void run(const struct kernel *kernel)
{
    first = memory(kernel->room * sizeof *first);
    second = memory(kernel->room * sizeof *second);
    third = memory(kernel->room * sizeof *third);
    taken = 0;
    kernel->prepare(kernel->size);
    double seconds = best_of(5, kernel->work, kernel->size, kernel->turns);
    need(kernel->check(kernel->size), kernel->name);
    if (rank == 0) {
        printf("%s %zu %.0f\n", kernel->name, 3 * kernel->room * sizeof *first * (size_t)ranks,
               seconds * 1e9 / kernel->turns);
    }
    free(first);
    free(second);
    free(third);
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    left = rank - 1;
    right = rank + 1;
    /* A number of rows that the ranks can share. */
    int edge = 1024 / ranks * ranks, length = 1 << 19, vertices = 131072 / ranks * ranks;
    size_t rows = (size_t)edge / (size_t)ranks;
    const struct kernel all[] = {
        {"nstream", nstream, run_nstream, check_nstream, length, 10, (size_t)length},
        {"transpose", transpose, run_transpose, check_transpose, edge, 10,
         2 * rows * (size_t)edge},
        {"stencil", stencil, run_stencil, check_stencil, edge, 20, (rows + 2) * (size_t)edge},
        {"reduce", reduce, run_reduce, check_reduce, 1 << 17, 20, 1 << 17},
        {"sparse", sparse, run_sparse, check_sparse, vertices, 10, 8 * (size_t)vertices},
        {"p2p", p2p, run_p2p, check_p2p, edge, 10, (rows + 1) * (size_t)edge},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_wanted(argc, argv, all[i].name)) {
            run(&all[i]);
        }
    }
    MPI_Finalize();
    return 0;
}
