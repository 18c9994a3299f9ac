/*
 * Heat that spreads over a square plate whose upper edge is kept hot: the ranks form a grid,
 * each has a piece of the plate, and before every step they exchange the edges of their pieces
 * with their neighbours. In the end rank 0 computes the same alone and compares.
 *
 * Arguments are the number of points along an edge and the number of steps: 120 and 200
 * otherwise.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The piece of one rank, with a border of one point around it. */
struct piece {
    int rows, columns;
    /* Of the plate, before this piece. */
    int first_row, first_column;
    double *now, *next;
};

static const double HOT = 100.0;

static double *at(double *points, int columns, int row, int column)
{
    return points + row * (columns + 2) + column;
}

/* How many of `length` points the part `index` of `parts` has, and where they begin. */
static int share(int length, int parts, int index, int *first)
{
    int longer = length % parts;
    *first = index * (length / parts) + (index < longer ? index : longer);
    return length / parts + (index < longer);
}

static int allocate(struct piece *piece, int is_at_top)
{
    size_t points = (size_t)(piece->rows + 2) * (size_t)(piece->columns + 2);
    piece->now = calloc(points, sizeof *piece->now);
    piece->next = calloc(points, sizeof *piece->next);
    if (piece->now == NULL || piece->next == NULL) {
        return 0;
    }
    for (int column = 0; is_at_top && column < piece->columns + 2; column++) {
        *at(piece->now, piece->columns, 0, column) = HOT;
        *at(piece->next, piece->columns, 0, column) = HOT;
    }
    return 1;
}

static void step(struct piece *piece)
{
    int width = piece->columns + 2;
    for (int row = 1; row <= piece->rows; row++) {
        for (int column = 1; column <= piece->columns; column++) {
            const double *p = at(piece->now, piece->columns, row, column);
            double around = p[-width] + p[width] + p[-1] + p[1];
            *at(piece->next, piece->columns, row, column) = 0.5 * p[0] + 0.125 * around;
        }
    }
    double *last = piece->now;
    piece->now = piece->next;
    piece->next = last;
}

/* Everyone sends its outermost points to a neighbour, and gets its border from the one opposite. */
static void exchange(struct piece *piece, MPI_Comm grid, MPI_Datatype column)
{
    int up, down, left, right;
    int rows = piece->rows, columns = piece->columns;
    double *p = piece->now;
    MPI_Cart_shift(grid, 0, 1, &up, &down);
    MPI_Cart_shift(grid, 1, 1, &left, &right);
    MPI_Sendrecv(at(p, columns, 1, 1), columns, MPI_DOUBLE, up, 0, at(p, columns, rows + 1, 1),
                 columns, MPI_DOUBLE, down, 0, grid, MPI_STATUS_IGNORE);
    MPI_Sendrecv(at(p, columns, rows, 1), columns, MPI_DOUBLE, down, 0, at(p, columns, 0, 1),
                 columns, MPI_DOUBLE, up, 0, grid, MPI_STATUS_IGNORE);
    MPI_Sendrecv(at(p, columns, 1, 1), 1, column, left, 0, at(p, columns, 1, columns + 1), 1,
                 column, right, 0, grid, MPI_STATUS_IGNORE);
    MPI_Sendrecv(at(p, columns, 1, columns), 1, column, right, 0, at(p, columns, 1, 0), 1, column,
                 left, 0, grid, MPI_STATUS_IGNORE);
}

/* All of the plate, on rank 0 alone; NULL where memory is short. */
static double *plate_alone(int length, int steps)
{
    struct piece plate = {.rows = length, .columns = length};
    if (!allocate(&plate, 1)) {
        return NULL;
    }
    for (int i = 0; i < steps; i++) {
        step(&plate);
    }
    free(plate.next);
    return plate.now;
}

/* How many points of this rank's piece differ from those of `plate`. */
static long differences(const struct piece *piece, double *plate, int length)
{
    long count = 0;
    for (int row = 1; row <= piece->rows; row++) {
        for (int column = 1; column <= piece->columns; column++) {
            double mine = *at(piece->now, piece->columns, row, column);
            int plate_row = piece->first_row + row;
            double alone = *at(plate, length, plate_row, piece->first_column + column);
            count += mine != alone;
        }
    }
    return count;
}

/* Runs the steps; the number of wrong points of all ranks, or -1 where memory is short. */
static long run(MPI_Comm grid, int length, int steps, double *heat)
{
    int dims[2], periods[2], coords[2];
    MPI_Cart_get(grid, 2, dims, periods, coords);
    struct piece piece = {0};
    piece.rows = share(length, dims[0], coords[0], &piece.first_row);
    piece.columns = share(length, dims[1], coords[1], &piece.first_column);
    int rank;
    MPI_Comm_rank(grid, &rank);
    int points = (length + 2) * (length + 2);
    double *plate = rank == 0 ? plate_alone(length, steps)
                              : malloc((size_t)points * sizeof *plate);
    int has_memory = allocate(&piece, coords[0] == 0) && plate != NULL;
    int all_have;
    MPI_Allreduce(&has_memory, &all_have, 1, MPI_INT, MPI_LAND, grid);
    long wrong = -1;
    if (all_have) {
        MPI_Datatype column;
        MPI_Type_vector(piece.rows, 1, piece.columns + 2, MPI_DOUBLE, &column);
        MPI_Type_commit(&column);
        for (int i = 0; i < steps; i++) {
            exchange(&piece, grid, column);
            step(&piece);
        }
        MPI_Type_free(&column);
        MPI_Bcast(plate, points, MPI_DOUBLE, 0, grid);
        long mine = differences(&piece, plate, length);
        MPI_Allreduce(&mine, &wrong, 1, MPI_LONG, MPI_SUM, grid);
        *heat = *at(plate, length, 1, (length + 1) / 2);
    }
    free(plate);
    free(piece.now);
    free(piece.next);
    return wrong;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    int rank, size;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int length = argc > 1 ? atoi(argv[1]) : 120;
    int steps = argc > 2 ? atoi(argv[2]) : 200;
    int dims[2] = {0, 0}, periods[2] = {0, 0};
    MPI_Dims_create(size, 2, dims);
    if (length < dims[0] || length < dims[1] || length > 10000 || steps < 1) {
        if (rank == 0) {
            fprintf(stderr, "every rank needs a point, 10000 along an edge are too many, and "
                            "there is at least 1 step\n");
        }
        MPI_Finalize();
        return 1;
    }
    MPI_Comm grid;
    MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, 0, &grid);
    double heat = 0;
    long wrong = run(grid, length, steps, &heat);
    if (rank == 0 && wrong < 0) {
        fprintf(stderr, "the plate does not fit into memory\n");
    } else if (rank == 0) {
        printf("%d x %d ranks, %d steps: %ld of %d points are wrong, and the middle of the first "
               "row has %.6f degrees\n",
               dims[0], dims[1], steps, wrong, length * length, heat);
    }
    MPI_Comm_free(&grid);
    MPI_Finalize();
    return wrong == 0 ? 0 : 1;
}
