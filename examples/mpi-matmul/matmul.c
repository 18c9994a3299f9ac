/*
 * The product of two matrices, in strips: every rank has some rows of A and, to begin with,
 * some rows of B. It multiplies what it has, while the strips of B go round the ranks: the next
 * one arrives while the last one is worked on.
 *
 * An argument is the number of rows and columns: 200 otherwise.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { STRIP = 1 };

/* Whole numbers, so that every order of additions gives the same sum. */
static double a(int row, int column)
{
    return (row * 7 + column * 3) % 11 - 5;
}

static double b(int row, int column)
{
    return (row * 5 + column * 13) % 17 - 8;
}

/* Where the rows of a rank begin; those of `size` would begin after the last. */
static int first_row(int n, int size, int rank)
{
    return (int)((long long)n * rank / size);
}

/* c += a * b, for the rows of B from `from` to `to`. */
static void multiply(int rows, int n, const double *mine, const double *strip, int from, int to,
                     double *c)
{
    for (int i = 0; i < rows; i++) {
        for (int k = from; k < to; k++) {
            double factor = mine[i * n + k];
            const double *row = strip + (k - from) * n;
            for (int j = 0; j < n; j++) {
                c[i * n + j] += factor * row[j];
            }
        }
    }
}

/* This rank's rows of the product into `c`, which is zero. */
static void product(int n, const double *mine, double *strip, double *other, double *c)
{
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int rows = first_row(n, size, rank + 1) - first_row(n, size, rank);
    int left = (rank + size - 1) % size;
    int right = (rank + 1) % size;
    for (int step = 0; step < size; step++) {
        int owner = (rank + step) % size;
        int next = (owner + 1) % size;
        int from = first_row(n, size, owner), to = first_row(n, size, owner + 1);
        int arriving = first_row(n, size, next + 1) - first_row(n, size, next);
        MPI_Request requests[2];
        MPI_Irecv(other, arriving * n, MPI_DOUBLE, right, STRIP, MPI_COMM_WORLD, &requests[0]);
        MPI_Isend(strip, (to - from) * n, MPI_DOUBLE, left, STRIP, MPI_COMM_WORLD, &requests[1]);
        multiply(rows, n, mine, strip, from, to, c);
        MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
        double *arrived = other;
        other = strip;
        strip = arrived;
    }
}

/* Sums for one entry, from the definition. */
static double entry(int n, int row, int column)
{
    double sum = 0;
    for (int k = 0; k < n; k++) {
        sum += a(row, k) * b(k, column);
    }
    return sum;
}

/* Whether every 7th entry of this rank's rows is right. */
static int is_right(int n, int first, int rows, const double *c)
{
    for (int i = 0; i < rows; i++) {
        for (int j = (first + i) % 7; j < n; j += 7) {
            if (c[i * n + j] != entry(n, first + i, j)) {
                return 0;
            }
        }
    }
    return 1;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int n = argc > 1 ? atoi(argv[1]) : 200;
    if (n < 1 || n > 4096) {
        if (rank == 0) {
            fprintf(stderr, "the argument is: the number of rows and columns, 1 to 4096\n");
        }
        MPI_Finalize();
        return 1;
    }

    int first = first_row(n, size, rank);
    int rows = first_row(n, size, rank + 1) - first;
    /* The longest strip of all, for those that pass by. */
    size_t strip = (size_t)(n / size + 1) * (size_t)n;
    double *memory = calloc(4 * strip, sizeof *memory);
    if (memory == NULL) {
        fprintf(stderr, "the matrices do not fit into memory\n");
        MPI_Abort(MPI_COMM_WORLD, 1);
        return 1;
    }
    double *mine = memory, *of_b = memory + strip, *c = memory + 3 * strip;
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < n; j++) {
            mine[i * n + j] = a(first + i, j);
            of_b[i * n + j] = b(first + i, j);
        }
    }
    product(n, mine, of_b, of_b + strip, c);

    int right = is_right(n, first, rows, c), all_right;
    double trace = 0, sum;
    for (int i = 0; i < rows; i++) {
        trace += c[i * n + first + i];
    }
    MPI_Reduce(&trace, &sum, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);
    MPI_Allreduce(&right, &all_right, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("%d ranks: the product of two %d x %d matrices is %s, and its trace is %.0f\n", size,
               n, n, all_right ? "right" : "wrong", sum);
    }
    free(memory);
    MPI_Finalize();
    return all_right ? 0 : 1;
}
