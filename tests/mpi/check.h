/*
 * What the programs of this directory have in common. Each is an MPI program for any number of
 * ranks, and checks what it gets against what it works out without MPI. Rank 0 prints
 * `ok NAME` for each part; what is wrong ends the world with the place.
 */
#ifndef CHECK_H
#define CHECK_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, size;

#define CHECK(condition) check((condition) ? 1 : 0, #condition, __FILE__, __LINE__)

/* Equal integers; prints both if they are not. */
#define EQUAL(left, right) \
    equal((long long)(left), (long long)(right), #left " == " #right, __FILE__, __LINE__)

static inline void check(int holds, const char *what, const char *file, int line)
{
    if (!holds) {
        fprintf(stderr, "%s:%d: rank %d of %d: not %s\n", file, line, rank, size, what);
        MPI_Abort(MPI_COMM_WORLD, 1);
        exit(1);
    }
}

static inline void equal(long long left, long long right, const char *what, const char *file,
                         int line)
{
    if (left != right) {
        fprintf(stderr, "%s:%d: rank %d of %d: not %s: %lld and %lld\n", file, line, rank, size,
                what, left, right);
        MPI_Abort(MPI_COMM_WORLD, 1);
        exit(1);
    }
}

static inline void begin(int *argc, char ***argv)
{
    MPI_Init(argc, argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
}

/* All ranks are through with a part. */
static inline void passed(const char *name)
{
    MPI_Barrier(MPI_COMM_WORLD);
    if (rank == 0) {
        printf("ok %s\n", name);
    }
}

static inline int end(void)
{
    MPI_Finalize();
    return 0;
}

/* Numbers that differ from rank to rank and place to place. */
static inline int value(int of_rank, int place)
{
    return of_rank * 1000003 % 65521 * 101 + place * 7;
}

static inline void fill(int *numbers, int count, int of_rank)
{
    for (int i = 0; i < count; i++) {
        numbers[i] = value(of_rank, i);
    }
}

static inline int is_filled(const int *numbers, int count, int of_rank)
{
    for (int i = 0; i < count; i++) {
        if (numbers[i] != value(of_rank, i)) {
            return 0;
        }
    }
    return 1;
}

/* Memory that is there, or the end. */
static inline void *memory(size_t length)
{
    void *got = calloc(length > 0 ? length : 1, 1);
    CHECK(got != NULL);
    return got;
}

#endif
