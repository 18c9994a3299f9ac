/* Looking at messages before they are received. */
#include "check.h"

static int left, right;

static int *numbers_of(int count, int of_rank)
{
    int *numbers = memory((size_t)count * sizeof *numbers);
    fill(numbers, count, of_rank);
    return numbers;
}

/* Sends `count` numbers to the right, which does not know how many. */
static MPI_Request send_right(int *numbers, int count, int tag)
{
    MPI_Request request;
    MPI_Isend(numbers, count, MPI_INT, right, tag, MPI_COMM_WORLD, &request);
    return request;
}

static void unknown_lengths(void)
{
    for (int count = 0; count < 100000; count = count * 3 + 1) {
        int *mine = numbers_of(count, rank);
        MPI_Request request = send_right(mine, count, count % 100);
        MPI_Status status;
        int found = -1;
        MPI_Probe(left, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
        EQUAL(status.MPI_SOURCE, left);
        EQUAL(status.MPI_TAG, count % 100);
        MPI_Get_count(&status, MPI_INT, &found);
        EQUAL(found, count);
        int *theirs = memory((size_t)found * sizeof *theirs);
        MPI_Recv(theirs, found, MPI_INT, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
        CHECK(is_filled(theirs, count, left));
        MPI_Wait(&request, MPI_STATUS_IGNORE);
        free(mine);
        free(theirs);
    }
}

static void looking_without_waiting(void)
{
    MPI_Status status;
    int flag = 1, count = -1;
    MPI_Iprobe(left, 12345, MPI_COMM_WORLD, &flag, &status);
    EQUAL(flag, 0);
    MPI_Barrier(MPI_COMM_WORLD);
    int *mine = numbers_of(33, rank);
    MPI_Request request = send_right(mine, 33, 12345);
    flag = 0;
    while (!flag) {
        MPI_Iprobe(MPI_ANY_SOURCE, 12345, MPI_COMM_WORLD, &flag, &status);
    }
    EQUAL(status.MPI_SOURCE, left);
    MPI_Get_count(&status, MPI_INT, &count);
    EQUAL(count, 33);
    /* Looking takes nothing away. */
    MPI_Iprobe(left, 12345, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    CHECK(flag);
    int theirs[33];
    MPI_Recv(theirs, 33, MPI_INT, left, 12345, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    CHECK(is_filled(theirs, 33, left));
    MPI_Iprobe(left, 12345, MPI_COMM_WORLD, &flag, MPI_STATUS_IGNORE);
    EQUAL(flag, 0);
    MPI_Wait(&request, MPI_STATUS_IGNORE);
    free(mine);
}

/* A message that was matched is nobody else's. */
static void matched(void)
{
    for (int count = 10; count < 100000; count *= 30) {
        int *first = numbers_of(count, rank), *second = numbers_of(count, rank + 1);
        MPI_Request requests[2] = {send_right(first, count, 5), send_right(second, count, 5)};
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        int found = -1;
        int *theirs = memory((size_t)count * sizeof *theirs);
        MPI_Mprobe(left, 5, MPI_COMM_WORLD, &message, &status);
        CHECK(message != MPI_MESSAGE_NULL);
        MPI_Get_count(&status, MPI_INT, &found);
        EQUAL(found, count);
        /* The next receive gets the second. */
        MPI_Recv(theirs, count, MPI_INT, left, 5, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        CHECK(is_filled(theirs, count, left + 1));
        MPI_Mrecv(theirs, count, MPI_INT, &message, &status);
        CHECK(is_filled(theirs, count, left));
        CHECK(message == MPI_MESSAGE_NULL);
        EQUAL(status.MPI_SOURCE, left);
        MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
        free(first);
        free(second);
        free(theirs);
    }
}

static void matched_without_waiting(void)
{
    MPI_Message message;
    MPI_Request receive;
    MPI_Status status;
    int flag = 1, theirs[50];
    MPI_Improbe(left, 6, MPI_COMM_WORLD, &flag, &message, MPI_STATUS_IGNORE);
    EQUAL(flag, 0);
    MPI_Barrier(MPI_COMM_WORLD);
    int *mine = numbers_of(50, rank);
    MPI_Request send = send_right(mine, 50, 6);
    while (!flag) {
        MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &flag, &message, &status);
    }
    EQUAL(status.MPI_TAG, 6);
    MPI_Imrecv(theirs, 50, MPI_INT, &message, &receive);
    CHECK(message == MPI_MESSAGE_NULL);
    MPI_Wait(&receive, &status);
    EQUAL(status.MPI_SOURCE, left);
    CHECK(is_filled(theirs, 50, left));
    MPI_Wait(&send, MPI_STATUS_IGNORE);
    free(mine);
}

static void nobody(void)
{
    MPI_Status status;
    MPI_Message message;
    int count = -1, flag = 0;
    MPI_Probe(MPI_PROC_NULL, 1, MPI_COMM_WORLD, &status);
    EQUAL(status.MPI_SOURCE, MPI_PROC_NULL);
    MPI_Iprobe(MPI_PROC_NULL, 1, MPI_COMM_WORLD, &flag, &status);
    CHECK(flag);
    MPI_Mprobe(MPI_PROC_NULL, 1, MPI_COMM_WORLD, &message, &status);
    CHECK(message == MPI_MESSAGE_NO_PROC);
    MPI_Mrecv(NULL, 0, MPI_INT, &message, &status);
    CHECK(message == MPI_MESSAGE_NULL);
    EQUAL(status.MPI_SOURCE, MPI_PROC_NULL);
    MPI_Get_count(&status, MPI_INT, &count);
    EQUAL(count, 0);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    left = (rank + size - 1) % size;
    right = (rank + 1) % size;
    unknown_lengths();
    passed("unknown lengths");
    looking_without_waiting();
    passed("looking without waiting");
    matched();
    passed("matched");
    matched_without_waiting();
    passed("matched without waiting");
    nobody();
    passed("nobody");
    return end();
}
