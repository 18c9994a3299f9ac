/* Packing values into a buffer, and messages of what was packed. */
#include "check.h"

enum { ROOM = 10000 };

/* A header, numbers whose count is in it, and every third of some doubles. */
static int packed(char *buffer, int of_rank, MPI_Datatype every_third)
{
    int position = 0, count = of_rank % 5 * 100, numbers[400];
    double doubles[30];
    fill(numbers, count, of_rank);
    for (int i = 0; i < 30; i++) {
        doubles[i] = of_rank + i * 0.25;
    }
    MPI_Pack("head", 5, MPI_CHAR, buffer, ROOM, &position, MPI_COMM_WORLD);
    MPI_Pack(&count, 1, MPI_INT, buffer, ROOM, &position, MPI_COMM_WORLD);
    MPI_Pack(numbers, count, MPI_INT, buffer, ROOM, &position, MPI_COMM_WORLD);
    MPI_Pack(doubles, 1, every_third, buffer, ROOM, &position, MPI_COMM_WORLD);
    return position;
}

static void unpacked(const char *buffer, int length, int of_rank, MPI_Datatype every_third)
{
    int position = 0, count = -1, numbers[400];
    double doubles[30];
    char head[5];
    memset(doubles, 0, sizeof doubles);
    MPI_Unpack(buffer, length, &position, head, 5, MPI_CHAR, MPI_COMM_WORLD);
    CHECK(strcmp(head, "head") == 0);
    MPI_Unpack(buffer, length, &position, &count, 1, MPI_INT, MPI_COMM_WORLD);
    EQUAL(count, of_rank % 5 * 100);
    MPI_Unpack(buffer, length, &position, numbers, count, MPI_INT, MPI_COMM_WORLD);
    CHECK(is_filled(numbers, count, of_rank));
    MPI_Unpack(buffer, length, &position, doubles, 1, every_third, MPI_COMM_WORLD);
    for (int i = 0; i < 30; i++) {
        CHECK(doubles[i] == (i % 3 == 0 ? of_rank + i * 0.25 : 0));
    }
    EQUAL(position, length);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    MPI_Datatype every_third;
    MPI_Type_vector(10, 1, 3, MPI_DOUBLE, &every_third);
    MPI_Type_commit(&every_third);
    static char out[ROOM], in[ROOM];
    int right = (rank + 1) % size, left = (rank + size - 1) % size;

    int room = 0, total = 0;
    MPI_Pack_size(5, MPI_CHAR, MPI_COMM_WORLD, &room);
    CHECK(room >= 5);
    total += room;
    MPI_Pack_size(1 + rank % 5 * 100, MPI_INT, MPI_COMM_WORLD, &room);
    total += room;
    MPI_Pack_size(1, every_third, MPI_COMM_WORLD, &room);
    CHECK(room >= 80);
    total += room;
    int length = packed(out, rank, every_third);
    CHECK(length <= total);
    unpacked(out, length, rank, every_third);
    passed("packed");

    MPI_Status status;
    int got = -1;
    MPI_Sendrecv(out, length, MPI_PACKED, right, 1, in, ROOM, MPI_PACKED, left, 1, MPI_COMM_WORLD,
                 &status);
    MPI_Get_count(&status, MPI_PACKED, &got);
    unpacked(in, got, left, every_third);
    passed("sent packed");

    /* What was packed can be received as what it is, and the other way round. */
    int numbers[50], position = 0;
    fill(numbers, 50, rank);
    MPI_Pack(numbers, 50, MPI_INT, out, ROOM, &position, MPI_COMM_WORLD);
    memset(numbers, 0, sizeof numbers);
    MPI_Sendrecv(out, position, MPI_PACKED, right, 2, numbers, 50, MPI_INT, left, 2,
                 MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(is_filled(numbers, 50, left));
    MPI_Sendrecv(numbers, 50, MPI_INT, right, 3, in, ROOM, MPI_PACKED, left, 3, MPI_COMM_WORLD,
                 &status);
    MPI_Get_count(&status, MPI_PACKED, &got);
    position = 0;
    MPI_Unpack(in, got, &position, numbers, 50, MPI_INT, MPI_COMM_WORLD);
    CHECK(is_filled(numbers, 50, (left + size - 1) % size));
    passed("packed or not");

    MPI_Type_free(&every_third);
    return end();
}
