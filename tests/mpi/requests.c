/* Messages that do not wait, and the ways to wait for them. */
#include "check.h"

enum { COUNT = 12, LENGTH = 3000 };

static int left, right;
static int out[COUNT][LENGTH], in[COUNT][LENGTH];
static MPI_Request receives[COUNT], sends[COUNT];

typedef int (*Send)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *);

/* Message i is i * 250 numbers long: small ones and large ones. */
static int length(int i)
{
    return i * 250;
}

static void start(Send send)
{
    for (int i = 0; i < COUNT; i++) {
        fill(out[i], length(i), rank + i);
        memset(in[i], 0, sizeof in[i]);
        MPI_Irecv(in[i], LENGTH, MPI_INT, left, i, MPI_COMM_WORLD, &receives[i]);
    }
    for (int i = COUNT - 1; i >= 0; i--) {
        send(out[i], length(i), MPI_INT, right, i, MPI_COMM_WORLD, &sends[i]);
    }
}

static void check_received(int i, const MPI_Status *status)
{
    int count = -1;
    MPI_Get_count(status, MPI_INT, &count);
    EQUAL(count, length(i));
    EQUAL(status->MPI_TAG, i);
    EQUAL(status->MPI_SOURCE, left);
    CHECK(is_filled(in[i], length(i), left + i));
    CHECK(receives[i] == MPI_REQUEST_NULL);
}

static void finish_sends(void)
{
    MPI_Waitall(COUNT, sends, MPI_STATUSES_IGNORE);
    for (int i = 0; i < COUNT; i++) {
        CHECK(sends[i] == MPI_REQUEST_NULL);
    }
}

static void wait_and_test_each(void)
{
    start(MPI_Isend);
    for (int i = 0; i < COUNT; i++) {
        MPI_Status status;
        int flag = 0;
        if (i % 2 == 0) {
            MPI_Wait(&receives[i], &status);
        } else {
            while (!flag) {
                MPI_Test(&receives[i], &flag, &status);
            }
        }
        check_received(i, &status);
    }
    finish_sends();
}

static void wait_and_test_all(void)
{
    MPI_Status statuses[COUNT];
    start(MPI_Issend);
    MPI_Waitall(COUNT, receives, statuses);
    for (int i = 0; i < COUNT; i++) {
        check_received(i, &statuses[i]);
    }
    finish_sends();
    start(MPI_Isend);
    int flag = 0;
    while (!flag) {
        MPI_Testall(COUNT, receives, &flag, statuses);
    }
    for (int i = 0; i < COUNT; i++) {
        check_received(i, &statuses[i]);
    }
    finish_sends();
}

static void wait_and_test_any(void)
{
    for (int testing = 0; testing < 2; testing++) {
        int seen[COUNT] = {0};
        start(MPI_Isend);
        for (int done = 0; done < COUNT; done++) {
            MPI_Status status;
            int index = -1, flag = 0;
            if (testing) {
                while (!flag) {
                    MPI_Testany(COUNT, receives, &index, &flag, &status);
                }
            } else {
                MPI_Waitany(COUNT, receives, &index, &status);
            }
            CHECK(index >= 0 && index < COUNT && !seen[index]);
            seen[index] = 1;
            check_received(index, &status);
        }
        int index = 0, flag = 0;
        MPI_Status status;
        MPI_Waitany(COUNT, receives, &index, &status);
        EQUAL(index, MPI_UNDEFINED);
        MPI_Testany(COUNT, receives, &index, &flag, &status);
        CHECK(flag && index == MPI_UNDEFINED);
        finish_sends();
    }
}

static void wait_and_test_some(void)
{
    for (int testing = 0; testing < 2; testing++) {
        int seen[COUNT] = {0}, done = 0;
        start(MPI_Isend);
        while (done < COUNT) {
            MPI_Status statuses[COUNT];
            int indices[COUNT], count = -1;
            if (testing) {
                MPI_Testsome(COUNT, receives, &count, indices, statuses);
            } else {
                MPI_Waitsome(COUNT, receives, &count, indices, statuses);
                CHECK(count > 0);
            }
            for (int i = 0; i < count; i++) {
                CHECK(!seen[indices[i]]);
                seen[indices[i]] = 1;
                check_received(indices[i], &statuses[i]);
            }
            done += count;
        }
        int count = 0, indices[COUNT];
        MPI_Waitsome(COUNT, receives, &count, indices, MPI_STATUSES_IGNORE);
        EQUAL(count, MPI_UNDEFINED);
        MPI_Testsome(COUNT, receives, &count, indices, MPI_STATUSES_IGNORE);
        EQUAL(count, MPI_UNDEFINED);
        finish_sends();
    }
}

/* Completes nothing: the request can be waited for afterwards. */
static void get_status(void)
{
    start(MPI_Isend);
    for (int i = 0; i < COUNT; i++) {
        MPI_Status status, again;
        int flag = 0, count = -1;
        while (!flag) {
            MPI_Request_get_status(receives[i], &flag, &status);
        }
        MPI_Get_count(&status, MPI_INT, &count);
        EQUAL(count, length(i));
        CHECK(receives[i] != MPI_REQUEST_NULL);
        MPI_Wait(&receives[i], &again);
        check_received(i, &again);
    }
    finish_sends();
}

/* What is no request is complete, and its status empty. */
static void null_requests(void)
{
    MPI_Request none = MPI_REQUEST_NULL;
    MPI_Status status;
    int flag = 0, count = -1;
    MPI_Wait(&none, &status);
    EQUAL(status.MPI_SOURCE, MPI_ANY_SOURCE);
    EQUAL(status.MPI_TAG, MPI_ANY_TAG);
    MPI_Get_count(&status, MPI_INT, &count);
    EQUAL(count, 0);
    MPI_Test(&none, &flag, &status);
    CHECK(flag);
    MPI_Waitall(0, NULL, MPI_STATUSES_IGNORE);
    MPI_Irecv(&count, 1, MPI_INT, MPI_PROC_NULL, 3, MPI_COMM_WORLD, &none);
    MPI_Wait(&none, &status);
    EQUAL(status.MPI_SOURCE, MPI_PROC_NULL);
}

/* Who frees a request of a send does not wait for it; the message arrives all the same. */
static void freed(void)
{
    int number = value(rank, 1), got = 0;
    MPI_Request request;
    MPI_Isend(&number, 1, MPI_INT, right, 77, MPI_COMM_WORLD, &request);
    MPI_Request_free(&request);
    CHECK(request == MPI_REQUEST_NULL);
    MPI_Recv(&got, 1, MPI_INT, left, 77, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    EQUAL(got, value(left, 1));
    MPI_Barrier(MPI_COMM_WORLD);
}

static void cancelled(void)
{
    int number = 5, flag = 0;
    MPI_Request request;
    MPI_Status status;
    MPI_Irecv(&number, 1, MPI_INT, left, 99, MPI_COMM_WORLD, &request);
    MPI_Cancel(&request);
    MPI_Wait(&request, &status);
    MPI_Test_cancelled(&status, &flag);
    CHECK(flag);
    EQUAL(number, 5);
    /* One that has arrived is not cancelled. */
    MPI_Sendrecv(&number, 1, MPI_INT, right, 98, &flag, 1, MPI_INT, left, 98, MPI_COMM_WORLD,
                 &status);
    MPI_Test_cancelled(&status, &flag);
    CHECK(!flag);
}

/* Described once, started often. */
static void persistent(void)
{
    int room = 4 * (1000 * (int)sizeof(int) + MPI_BSEND_OVERHEAD), got, flag;
    void *buffer = memory((size_t)room);
    MPI_Buffer_attach(buffer, room);
    MPI_Request requests[6];
    for (int i = 0; i < 3; i++) {
        MPI_Recv_init(in[i], 1000, MPI_INT, left, i, MPI_COMM_WORLD, &requests[i]);
    }
    MPI_Send_init(out[0], 1000, MPI_INT, right, 0, MPI_COMM_WORLD, &requests[3]);
    MPI_Ssend_init(out[1], 1000, MPI_INT, right, 1, MPI_COMM_WORLD, &requests[4]);
    /* Open MPI 4.1 sends the second of these to oneself empty. */
    int (*buffered)(const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *) =
        size > 1 ? MPI_Bsend_init : MPI_Send_init;
    buffered(out[2], 1000, MPI_INT, right, 2, MPI_COMM_WORLD, &requests[5]);
    /* What was not started is complete. */
    MPI_Test(&requests[0], &flag, MPI_STATUS_IGNORE);
    CHECK(flag);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < 3; i++) {
            fill(out[i], 1000, rank + round + i);
        }
        MPI_Status statuses[6];
        MPI_Startall(3, requests);
        for (int i = 3; i < 6; i++) {
            MPI_Start(&requests[i]);
        }
        MPI_Waitall(6, requests, statuses);
        for (int i = 0; i < 3; i++) {
            CHECK(is_filled(in[i], 1000, left + round + i));
            CHECK(requests[i] != MPI_REQUEST_NULL);
            MPI_Get_count(&statuses[i], MPI_INT, &got);
            EQUAL(got, 1000);
        }
    }
    for (int i = 0; i < 6; i++) {
        MPI_Request_free(&requests[i]);
        CHECK(requests[i] == MPI_REQUEST_NULL);
    }
    void *detached;
    MPI_Buffer_detach(&detached, &room);
    free(buffer);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    left = (rank + size - 1) % size;
    right = (rank + 1) % size;
    wait_and_test_each();
    passed("wait and test each");
    wait_and_test_all();
    passed("wait and test all");
    wait_and_test_any();
    passed("wait and test any");
    wait_and_test_some();
    passed("wait and test some");
    get_status();
    passed("get status");
    null_requests();
    passed("null requests");
    freed();
    passed("freed");
    cancelled();
    passed("cancelled");
    persistent();
    passed("persistent");
    return end();
}
