/* What both programs measure with. They run as functions and under mpirun. */
#ifndef MEASURE_H
#define MEASURE_H

#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Does `turns` times what is measured. */
typedef void (*Work)(int size, int turns);

static int rank, ranks;

static inline void *memory(size_t bytes)
{
    void *got = calloc(bytes > 0 ? bytes : 1, 1);
    if (got == NULL) {
        fprintf(stderr, "no memory for %zu bytes\n", bytes);
        MPI_Abort(MPI_COMM_WORLD, 1);
        exit(1);
    }
    return got;
}

/* Seconds from the first rank's beginning to the last one's end, in the best of `batches`. */
static inline double best_of(int batches, Work work, int size, int turns)
{
    double best = 1e30;
    work(size, turns / 10 + 1);
    for (int i = 0; i < batches; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
        double begun = MPI_Wtime();
        work(size, turns);
        /* Ranks that share a processor begin one after the other: who began first waits for all. */
        MPI_Barrier(MPI_COMM_WORLD);
        double took = MPI_Wtime() - begun, longest;
        MPI_Allreduce(&took, &longest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
        best = longest < best ? longest : best;
    }
    return best;
}

/* Whether the arguments name this, or nothing. */
static inline int is_wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], name) == 0) {
            return 1;
        }
    }
    return argc < 2;
}

#endif
