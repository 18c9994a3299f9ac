/* Sends and receives that wait. */
#include "check.h"

enum { LONGEST = 1 << 18 };

static int left, right;

typedef int (*Send)(const void *, int, MPI_Datatype, int, int, MPI_Comm);

/* Every length around the sizes at which implementations change what they do. */
static void all_lengths(void)
{
    static const int lengths[] = {0,    1,    2,    7,    16,    1000,  1023, 1024,
                                  1025, 4096, 8191, 8193, 65536, 131071, LONGEST};
    int *out = memory(LONGEST * sizeof *out), *in = memory((LONGEST + 1) * sizeof *in);
    for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        int length = lengths[i], got = -1;
        fill(out, length, rank);
        memset(in, 0x5a, (LONGEST + 1) * sizeof *in);
        MPI_Status status;
        MPI_Sendrecv(out, length, MPI_INT, right, (int)i, in, LONGEST, MPI_INT, left, (int)i,
                     MPI_COMM_WORLD, &status);
        EQUAL(status.MPI_SOURCE, left);
        EQUAL(status.MPI_TAG, i);
        MPI_Get_count(&status, MPI_INT, &got);
        EQUAL(got, length);
        MPI_Get_elements(&status, MPI_BYTE, &got);
        EQUAL(got, length * (int)sizeof(int));
        CHECK(is_filled(in, length, left));
        EQUAL(in[length], 0x5a5a5a5a);
    }
    free(out);
    free(in);
}

/* Rank 0 sends to each other, which answers with what it got and its rank. */
static void modes(void)
{
    static const Send sends[] = {MPI_Send, MPI_Ssend, MPI_Bsend};
    int room = 16 * (1000 * (int)sizeof(int) + MPI_BSEND_OVERHEAD);
    void *buffer = memory((size_t)room);
    MPI_Buffer_attach(buffer, room);
    int numbers[1000];
    for (int mode = 0; mode < 3; mode++) {
        for (int other = 1; other < size; other++) {
            if (rank == 0) {
                fill(numbers, 1000, other + mode);
                sends[mode](numbers, 1000, MPI_INT, other, mode, MPI_COMM_WORLD);
                MPI_Recv(numbers, 1000, MPI_INT, other, mode, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                CHECK(is_filled(numbers, 1000, 2 * other + mode));
            } else if (rank == other) {
                MPI_Recv(numbers, 1000, MPI_INT, 0, mode, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
                CHECK(is_filled(numbers, 1000, rank + mode));
                fill(numbers, 1000, 2 * rank + mode);
                sends[mode](numbers, 1000, MPI_INT, 0, mode, MPI_COMM_WORLD);
            }
        }
    }
    void *detached = NULL;
    int length = 0;
    MPI_Buffer_detach(&detached, &length);
    CHECK(detached == buffer);
    EQUAL(length, room);
    free(buffer);
}

/* A ready send may rely on a receive that is there. */
static void ready(void)
{
    if (size < 2 || rank > 1) {
        return;
    }
    int number = -1;
    if (rank == 0) {
        MPI_Recv(NULL, 0, MPI_INT, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        number = 42;
        MPI_Rsend(&number, 1, MPI_INT, 1, 2, MPI_COMM_WORLD);
    } else {
        MPI_Request request;
        MPI_Irecv(&number, 1, MPI_INT, 0, 2, MPI_COMM_WORLD, &request);
        MPI_Send(NULL, 0, MPI_INT, 0, 1, MPI_COMM_WORLD);
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        EQUAL(number, 42);
    }
}

/* A buffered send needs no receiver. */
static void buffered_to_oneself(void)
{
    int room = 3 * (100 * (int)sizeof(int) + MPI_BSEND_OVERHEAD);
    void *buffer = memory((size_t)room);
    MPI_Buffer_attach(buffer, room);
    int numbers[100];
    for (int i = 0; i < 3; i++) {
        fill(numbers, 100, i);
        MPI_Bsend(numbers, 100, MPI_INT, rank, i, MPI_COMM_WORLD);
    }
    for (int i = 2; i >= 0; i--) {
        MPI_Recv(numbers, 100, MPI_INT, rank, i, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        CHECK(is_filled(numbers, 100, i));
    }
    void *detached;
    MPI_Buffer_detach(&detached, &room);
    free(buffer);
}

/* Messages with the same tag never overtake one another; others may be taken before. */
static void order_and_tags(void)
{
    enum { COUNT = 50 };
    int numbers[2 * COUNT];
    MPI_Request requests[2 * COUNT];
    for (int i = 0; i < COUNT; i++) {
        numbers[i] = value(rank, i);
        numbers[COUNT + i] = value(rank, COUNT + i);
        MPI_Isend(&numbers[i], 1, MPI_INT, right, 1, MPI_COMM_WORLD, &requests[i]);
        MPI_Isend(&numbers[COUNT + i], 1, MPI_INT, right, 2, MPI_COMM_WORLD,
                  &requests[COUNT + i]);
    }
    for (int i = 0; i < 2 * COUNT; i++) {
        int number = -1;
        /* Those with tag 2 first, though they were sent between the others. */
        int tag = i < COUNT ? 2 : 1;
        MPI_Recv(&number, 1, MPI_INT, left, tag, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        EQUAL(number, value(left, i < COUNT ? COUNT + i : i - COUNT));
    }
    MPI_Waitall(2 * COUNT, requests, MPI_STATUSES_IGNORE);
}

/* Rank 0 takes what comes, from whomever, and in each one's order. */
static void wildcards(void)
{
    enum { EACH = 20 };
    if (rank != 0) {
        for (int i = 0; i < EACH; i++) {
            int number = value(rank, i);
            MPI_Send(&number, 1, MPI_INT, 0, i, MPI_COMM_WORLD);
        }
        return;
    }
    int *seen = memory((size_t)size * sizeof *seen);
    for (int i = 0; i < EACH * (size - 1); i++) {
        int number = -1;
        MPI_Status status;
        MPI_Recv(&number, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        int source = status.MPI_SOURCE;
        CHECK(source > 0 && source < size);
        EQUAL(status.MPI_TAG, seen[source]);
        EQUAL(number, value(source, seen[source]));
        seen[source]++;
    }
    free(seen);
}

static void nobody(void)
{
    int number = 7, count = -1;
    MPI_Status status;
    MPI_Send(&number, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD);
    MPI_Recv(&number, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_COMM_WORLD, &status);
    EQUAL(number, 7);
    EQUAL(status.MPI_SOURCE, MPI_PROC_NULL);
    EQUAL(status.MPI_TAG, MPI_ANY_TAG);
    MPI_Get_count(&status, MPI_INT, &count);
    EQUAL(count, 0);
    MPI_Sendrecv_replace(&number, 1, MPI_INT, MPI_PROC_NULL, 0, MPI_PROC_NULL, 0, MPI_COMM_WORLD,
                         &status);
    EQUAL(number, 7);
}

static void replacing(void)
{
    int *numbers = memory(LONGEST * sizeof *numbers);
    for (int length = 1; length <= LONGEST; length *= 64) {
        fill(numbers, length, rank);
        MPI_Status status;
        MPI_Sendrecv_replace(numbers, length, MPI_INT, right, 5, left, 5, MPI_COMM_WORLD, &status);
        CHECK(is_filled(numbers, length, left));
        EQUAL(status.MPI_SOURCE, left);
    }
    free(numbers);
}

static void counts_that_do_not_fit(void)
{
    if (size < 2 || rank > 1) {
        return;
    }
    char bytes[7] = {1, 2, 3, 4, 5, 6, 7};
    if (rank == 0) {
        MPI_Send(bytes, 7, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
    } else {
        MPI_Status status;
        int count = 0;
        MPI_Recv(bytes, 7, MPI_BYTE, 0, 0, MPI_COMM_WORLD, &status);
        MPI_Get_count(&status, MPI_INT, &count);
        EQUAL(count, MPI_UNDEFINED);
        MPI_Get_count(&status, MPI_BYTE, &count);
        EQUAL(count, 7);
    }
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    left = (rank + size - 1) % size;
    right = (rank + 1) % size;
    all_lengths();
    passed("all lengths");
    modes();
    passed("modes");
    ready();
    passed("ready");
    buffered_to_oneself();
    passed("buffered to oneself");
    order_and_tags();
    passed("order and tags");
    wildcards();
    passed("wildcards");
    nobody();
    passed("nobody");
    replacing();
    passed("replacing");
    counts_that_do_not_fit();
    passed("counts that do not fit");
    return end();
}
