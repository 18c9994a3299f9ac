/* What all ranks do together, moving data; MPI_COMM_WORLD and a part of it in reverse order. */
#include "check.h"

static MPI_Comm comm;
static int me, all;

static int largest(int count)
{
    return all * count;
}

static void broadcast(int count)
{
    int *numbers = memory((size_t)count * sizeof *numbers);
    for (int root = 0; root < all; root++) {
        memset(numbers, 0, (size_t)count * sizeof *numbers);
        if (me == root) {
            fill(numbers, count, root + 5);
        }
        MPI_Bcast(numbers, count, MPI_INT, root, comm);
        CHECK(is_filled(numbers, count, root + 5));
    }
    free(numbers);
}

static void gather_and_scatter(int count)
{
    int *mine = memory((size_t)count * sizeof *mine);
    int *total = memory((size_t)largest(count) * sizeof *total);
    for (int root = 0; root < all; root++) {
        fill(mine, count, me);
        MPI_Gather(mine, count, MPI_INT, total, count, MPI_INT, root, comm);
        for (int i = 0; me == root && i < all; i++) {
            CHECK(is_filled(total + i * count, count, i));
            fill(total + i * count, count, i + 1);
        }
        MPI_Scatter(total, count, MPI_INT, mine, count, MPI_INT, root, comm);
        CHECK(is_filled(mine, count, me + 1));
        /* In place, at the root. */
        fill(total + me * count, count, me);
        const void *send = me == root ? MPI_IN_PLACE : (void *)(total + me * count);
        MPI_Gather(send, count, MPI_INT, total, count, MPI_INT, root, comm);
        for (int i = 0; me == root && i < all; i++) {
            CHECK(is_filled(total + i * count, count, i));
        }
        void *receive = me == root ? MPI_IN_PLACE : (void *)mine;
        MPI_Scatter(total, count, MPI_INT, receive, count, MPI_INT, root, comm);
        CHECK(me == root || is_filled(mine, count, me));
    }
    free(mine);
    free(total);
}

/* Rank i has i * unit numbers; between two ranks' parts a gap of 3 is left. */
static void places(int unit, int *counts, int *displacements)
{
    int next = 0;
    for (int i = 0; i < all; i++) {
        counts[i] = i * unit;
        displacements[i] = next;
        next += counts[i] + 3;
    }
}

static void gather_and_scatter_of_different_lengths(int unit)
{
    int *counts = memory((size_t)all * sizeof *counts);
    int *displacements = memory((size_t)all * sizeof *displacements);
    places(unit, counts, displacements);
    int room = displacements[all - 1] + counts[all - 1] + 3;
    int *mine = memory((size_t)(counts[me] + 1) * sizeof *mine);
    int *total = memory((size_t)room * sizeof *total);
    for (int root = 0; root < all; root++) {
        fill(mine, counts[me], me);
        memset(total, 0xff, (size_t)room * sizeof *total);
        MPI_Gatherv(mine, counts[me], MPI_INT, total, counts, displacements, MPI_INT, root, comm);
        for (int i = 0; me == root && i < all; i++) {
            CHECK(is_filled(total + displacements[i], counts[i], i));
            EQUAL(total[displacements[i] + counts[i]], -1);
            fill(total + displacements[i], counts[i], i + 2);
        }
        MPI_Scatterv(total, counts, displacements, MPI_INT, mine, counts[me], MPI_INT, root, comm);
        CHECK(is_filled(mine, counts[me], me + 2));
    }
    fill(mine, counts[me], me);
    MPI_Allgatherv(mine, counts[me], MPI_INT, total, counts, displacements, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(total + displacements[i], counts[i], i));
        if (i != me) {
            memset(total + displacements[i], 0, (size_t)counts[i] * sizeof *total);
        }
    }
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, total, counts, displacements, MPI_INT,
                   comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(total + displacements[i], counts[i], i));
    }
    free(mine);
    free(total);
    free(counts);
    free(displacements);
}

static void gather_to_all(int count)
{
    int *mine = memory((size_t)count * sizeof *mine);
    int *total = memory((size_t)largest(count) * sizeof *total);
    fill(mine, count, me);
    MPI_Allgather(mine, count, MPI_INT, total, count, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(total + i * count, count, i));
    }
    memset(total, 0, (size_t)largest(count) * sizeof *total);
    fill(total + me * count, count, me + 3);
    MPI_Allgather(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, total, count, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(total + i * count, count, i + 3));
    }
    free(mine);
    free(total);
}

/* What rank `from` has for rank `to`. */
static int pair(int from, int to)
{
    return from * 1000 + to;
}

static void all_to_all(int count)
{
    int *out = memory((size_t)largest(count) * sizeof *out);
    int *in = memory((size_t)largest(count) * sizeof *in);
    for (int i = 0; i < all; i++) {
        fill(out + i * count, count, pair(me, i));
    }
    MPI_Alltoall(out, count, MPI_INT, in, count, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(in + i * count, count, pair(i, me)));
    }
    MPI_Alltoall(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, out, count, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(out + i * count, count, pair(i, me)));
    }
    free(out);
    free(in);
}

/* Rank i sends (i + j) % 3 * unit numbers to rank j. */
static void all_to_all_of_different_lengths(int unit)
{
    size_t bytes = (size_t)all * sizeof(int);
    int *counts = memory(bytes), *out_first = memory(bytes), *in_first = memory(bytes);
    int total = 0;
    for (int i = 0; i < all; i++) {
        counts[i] = (me + i) % 3 * unit;
        out_first[i] = total;
        total += counts[i];
    }
    /* What arrives is in reverse order of ranks. */
    int next = 0;
    for (int i = all - 1; i >= 0; i--) {
        in_first[i] = next;
        next += counts[i];
    }
    int *out = memory((size_t)total * sizeof *out), *in = memory((size_t)total * sizeof *in);
    for (int i = 0; i < all; i++) {
        fill(out + out_first[i], counts[i], pair(me, i));
    }
    MPI_Alltoallv(out, counts, out_first, MPI_INT, in, counts, in_first, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(in + in_first[i], counts[i], pair(i, me)));
    }
    MPI_Alltoallv(MPI_IN_PLACE, NULL, NULL, MPI_DATATYPE_NULL, out, counts, out_first, MPI_INT,
                  comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(out + out_first[i], counts[i], pair(i, me)));
    }
    free(counts);
    free(out_first);
    free(in_first);
    free(out);
    free(in);
}

/* Nobody leaves before the last one came, whose message is therefore there. */
static void barrier(void)
{
    for (int last = 0; last < all; last++) {
        int number = last, flag = 0;
        if (me == last) {
            for (int i = 0; i < all; i++) {
                if (i != me) {
                    MPI_Ssend(&number, 0, MPI_INT, i, 8, comm);
                }
            }
        } else {
            MPI_Recv(&number, 0, MPI_INT, last, 8, comm, MPI_STATUS_IGNORE);
        }
        MPI_Barrier(comm);
        MPI_Iprobe(MPI_ANY_SOURCE, 8, comm, &flag, MPI_STATUS_IGNORE);
        EQUAL(flag, 0);
        MPI_Barrier(comm);
    }
}

/* Messages between ranks do not get into the way, nor do collectives into theirs. */
static void beside_messages(void)
{
    int right = (me + 1) % all, left = (me + all - 1) % all, number = me, got = -1, sum = 0;
    MPI_Request requests[2];
    MPI_Irecv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &requests[0]);
    MPI_Barrier(comm);
    MPI_Allreduce(&number, &sum, 1, MPI_INT, MPI_SUM, comm);
    EQUAL(sum, all * (all - 1) / 2);
    MPI_Isend(&number, 1, MPI_INT, right, 3, comm, &requests[1]);
    MPI_Bcast(&sum, 1, MPI_INT, 0, comm);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    EQUAL(got, left);
}

/* Parts that are no bytes in a row: every second of twice as many. */
static void strided(int count)
{
    MPI_Datatype every_second;
    MPI_Type_vector(count, 1, 2, MPI_INT, &every_second);
    MPI_Type_commit(&every_second);
    int *spread = memory((size_t)(2 * count + 1) * sizeof *spread);
    int *total = memory((size_t)largest(count) * sizeof *total);
    for (int i = 0; i < count; i++) {
        spread[2 * i] = value(me, i);
        spread[2 * i + 1] = -1;
    }
    MPI_Allgather(spread, 1, every_second, total, count, MPI_INT, comm);
    for (int i = 0; i < all; i++) {
        CHECK(is_filled(total + i * count, count, i));
    }
    MPI_Bcast(me == 0 ? total : spread, me == 0 ? count : 1, me == 0 ? MPI_INT : every_second, 0,
              comm);
    for (int i = 0; me != 0 && i < count; i++) {
        EQUAL(spread[2 * i], value(0, i));
        EQUAL(spread[2 * i + 1], -1);
    }
    MPI_Type_free(&every_second);
    free(spread);
    free(total);
}

static void all_parts(const char *of)
{
    static const int counts[] = {0, 1, 3, 64, 1000, 5000, 30000};
    char name[64];
    MPI_Comm_rank(comm, &me);
    MPI_Comm_size(comm, &all);
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        broadcast(counts[i]);
        gather_and_scatter(counts[i]);
        gather_and_scatter_of_different_lengths(counts[i] / 3);
        gather_to_all(counts[i]);
        all_to_all(counts[i]);
        all_to_all_of_different_lengths(counts[i]);
        strided(counts[i] + 1);
    }
    barrier();
    beside_messages();
    snprintf(name, sizeof name, "collectives of %s", of);
    passed(name);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    comm = MPI_COMM_WORLD;
    all_parts("the world");
    MPI_Comm_split(MPI_COMM_WORLD, rank % 2, -rank, &comm);
    all_parts("halves in reverse");
    MPI_Comm_free(&comm);
    comm = MPI_COMM_SELF;
    all_parts("oneself");
    return end();
}
