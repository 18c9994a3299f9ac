/*
 * Pi as the area under 4 / (1 + x^2) from 0 to 1, cut into strips that the ranks share.
 *
 *   faasm build --mpi pi.c -o pi.wasm
 *   faasm func put mpi pi pi.wasm
 *   curl -d '{"user": "mpi", "function": "pi", "mpi": true, "mpi_world_size": 8}' …
 *
 * An argument is the number of strips: 1000000 otherwise.
 */
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);

    /* Only one rank need know what to do. */
    long strips = 0;
    if (rank == 0) {
        strips = argc > 1 ? atol(argv[1]) : 1000000;
    }
    MPI_Bcast(&strips, 1, MPI_LONG, 0, MPI_COMM_WORLD);
    if (strips < 1) {
        if (rank == 0) {
            fprintf(stderr, "the argument is: the number of strips, at least 1\n");
        }
        MPI_Finalize();
        return 1;
    }

    double width = 1.0 / (double)strips;
    double mine = 0;
    for (long i = rank; i < strips; i += size) {
        double x = ((double)i + 0.5) * width;
        mine += 4.0 / (1.0 + x * x);
    }
    mine *= width;

    double pi = 0;
    MPI_Reduce(&mine, &pi, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    int is_wrong = 0;
    if (rank == 0) {
        double exact = acos(-1.0);
        /* The midpoint rule is off by less than a third of the square of the width. */
        is_wrong = !(fabs(pi - exact) < width * width / 3 + 1e-12);
        printf("%d ranks: pi is %.9f%s\n", size, pi, is_wrong ? ", which is wrong" : "");
    }
    MPI_Bcast(&is_wrong, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Finalize();
    return is_wrong;
}
