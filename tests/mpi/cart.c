/* Ranks on a grid. */
#include "check.h"

/* The factors are in falling order, and as close to one another as can be. */
static void balanced(void)
{
    static const struct {
        int nodes, dimensions, expected[4];
    } cases[] = {
        {1, 2, {1, 1}},    {6, 2, {3, 2}},        {7, 1, {7}},           {7, 2, {7, 1}},
        {12, 2, {4, 3}},   {16, 4, {2, 2, 2, 2}}, {64, 3, {4, 4, 4}},    {100, 2, {10, 10}},
        {24, 3, {4, 3, 2}}, {30, 3, {5, 3, 2}},   {256, 2, {16, 16}},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        int dims[4] = {0};
        MPI_Dims_create(cases[i].nodes, cases[i].dimensions, dims);
        for (int j = 0; j < cases[i].dimensions; j++) {
            EQUAL(dims[j], cases[i].expected[j]);
        }
    }
    int given[3] = {0, 3, 0};
    MPI_Dims_create(24, 3, given);
    EQUAL(given[0], 4);
    EQUAL(given[1], 3);
    EQUAL(given[2], 2);
}

static int wrapped(int coordinate, int length)
{
    return (coordinate % length + length) % length;
}

/* The rank at these coordinates, or nobody; the second direction is a circle. */
static int rank_at(const int *dims, int row, int column)
{
    if (row < 0 || row >= dims[0]) {
        return MPI_PROC_NULL;
    }
    return row * dims[1] + wrapped(column, dims[1]);
}

static void coordinates(MPI_Comm grid, const int *dims)
{
    int count = 0, got[2], periods[2], coords[2], mine = -1, kind = -1;
    MPI_Comm_rank(grid, &mine);
    MPI_Topo_test(grid, &kind);
    EQUAL(kind, MPI_CART);
    MPI_Topo_test(MPI_COMM_WORLD, &kind);
    EQUAL(kind, MPI_UNDEFINED);
    MPI_Cartdim_get(grid, &count);
    EQUAL(count, 2);
    MPI_Cart_get(grid, 2, got, periods, coords);
    CHECK(got[0] == dims[0] && got[1] == dims[1]);
    CHECK(!periods[0] && periods[1]);
    EQUAL(rank_at(dims, coords[0], coords[1]), mine);
    for (int i = 0; i < size; i++) {
        int back = -1;
        MPI_Cart_coords(grid, i, 2, got);
        EQUAL(rank_at(dims, got[0], got[1]), i);
        MPI_Cart_rank(grid, got, &back);
        EQUAL(back, i);
        got[1] -= 3 * dims[1];
        MPI_Cart_rank(grid, got, &back);
        EQUAL(back, i);
    }
    for (int distance = -3; distance <= 3; distance++) {
        int source = -9, destination = -9;
        MPI_Cart_shift(grid, 0, distance, &source, &destination);
        EQUAL(source, rank_at(dims, coords[0] - distance, coords[1]));
        EQUAL(destination, rank_at(dims, coords[0] + distance, coords[1]));
        MPI_Cart_shift(grid, 1, distance, &source, &destination);
        EQUAL(source, rank_at(dims, coords[0], coords[1] - distance));
        EQUAL(destination, rank_at(dims, coords[0], coords[1] + distance));
    }
}

static void rows_and_columns(MPI_Comm grid, const int *dims)
{
    int coords[2], mine, parts_rank, parts_size, sum = 0;
    MPI_Comm_rank(grid, &mine);
    MPI_Cart_coords(grid, mine, 2, coords);
    for (int direction = 0; direction < 2; direction++) {
        int remain[2] = {direction == 0, direction == 1};
        MPI_Comm part;
        MPI_Cart_sub(grid, remain, &part);
        MPI_Comm_rank(part, &parts_rank);
        MPI_Comm_size(part, &parts_size);
        EQUAL(parts_rank, coords[direction]);
        EQUAL(parts_size, dims[direction]);
        int length, is_circle, place;
        MPI_Cart_get(part, 1, &length, &is_circle, &place);
        CHECK(length == dims[direction] && place == coords[direction]);
        EQUAL(!!is_circle, direction);
        MPI_Allreduce(&coords[1 - direction], &sum, 1, MPI_INT, MPI_SUM, part);
        EQUAL(sum, coords[1 - direction] * parts_size);
        MPI_Comm_free(&part);
    }
}

/* Everyone passes its rank on in each direction and gets that of who is there. */
static void neighbours(MPI_Comm grid)
{
    int mine;
    MPI_Comm_rank(grid, &mine);
    for (int direction = 0; direction < 2; direction++) {
        for (int distance = -1; distance <= 1; distance += 2) {
            int source, destination, got = -1;
            MPI_Cart_shift(grid, direction, distance, &source, &destination);
            MPI_Sendrecv(&mine, 1, MPI_INT, destination, 1, &got, 1, MPI_INT, source, 1, grid,
                         MPI_STATUS_IGNORE);
            EQUAL(got, source == MPI_PROC_NULL ? -1 : source);
        }
    }
}

/* A grid for fewer ranks than there are: the others have none. */
static void smaller(void)
{
    int dims[1] = {size}, periods[1] = {1}, mine = -9;
    MPI_Cart_map(MPI_COMM_WORLD, 1, dims, periods, &mine);
    CHECK(mine >= 0 && mine < size);
    dims[0] = (size + 1) / 2;
    MPI_Comm grid;
    MPI_Cart_create(MPI_COMM_WORLD, 1, dims, periods, 0, &grid);
    if (rank >= dims[0]) {
        CHECK(grid == MPI_COMM_NULL);
        return;
    }
    int ranks = 0;
    MPI_Comm_size(grid, &ranks);
    EQUAL(ranks, dims[0]);
    MPI_Comm copy;
    int kind = -1;
    MPI_Comm_dup(grid, &copy);
    MPI_Topo_test(copy, &kind);
    EQUAL(kind, MPI_CART);
    MPI_Comm_free(&copy);
    MPI_Comm_free(&grid);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    balanced();
    passed("balanced");
    int dims[2] = {0, 0}, periods[2] = {0, 1};
    MPI_Dims_create(size, 2, dims);
    for (int reorder = 0; reorder < 2; reorder++) {
        MPI_Comm grid;
        MPI_Cart_create(MPI_COMM_WORLD, 2, dims, periods, reorder, &grid);
        coordinates(grid, dims);
        rows_and_columns(grid, dims);
        neighbours(grid);
        MPI_Comm_free(&grid);
        passed(reorder ? "reordered" : "in order");
    }
    smaller();
    passed("smaller");
    return end();
}
