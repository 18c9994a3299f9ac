/*
 * How long single operations take. Rank 0 prints `NAME BYTES NANOSECONDS` for each name and
 * size; of one message, where there is a pair, half a round trip. Arguments name what to
 * measure; all of it otherwise.
 */
#include "measure.h"

enum { LARGEST = 4 << 20, WINDOW = 16 };

static char *out, *in;

/* The first two ranks. */
static void ping_pong(int size, int turns)
{
    for (int i = 0; i < turns; i++) {
        if (rank == 0) {
            MPI_Send(out, size, MPI_BYTE, 1, 1, MPI_COMM_WORLD);
            MPI_Recv(in, size, MPI_BYTE, 1, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else if (rank == 1) {
            MPI_Recv(in, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Send(out, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD);
        }
    }
}

/* Ranks in pairs, all at once. */
static void ping_pong_pairs(int size, int turns)
{
    int other = rank ^ 1;
    for (int i = 0; other < ranks && i < turns; i++) {
        if (rank < other) {
            MPI_Send(out, size, MPI_BYTE, other, 1, MPI_COMM_WORLD);
            MPI_Recv(in, size, MPI_BYTE, other, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Recv(in, size, MPI_BYTE, other, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            MPI_Send(out, size, MPI_BYTE, other, 1, MPI_COMM_WORLD);
        }
    }
}

/* Many messages to one side, and one back. A turn is one message. */
static void stream(int size, int turns)
{
    MPI_Request requests[WINDOW];
    for (int i = 0; i < turns; i += WINDOW) {
        for (int j = 0; j < WINDOW && rank == 0; j++) {
            MPI_Isend(out, size, MPI_BYTE, 1, 1, MPI_COMM_WORLD, &requests[j]);
        }
        for (int j = 0; j < WINDOW && rank == 1; j++) {
            MPI_Irecv(in, size, MPI_BYTE, 0, 1, MPI_COMM_WORLD, &requests[j]);
        }
        if (rank == 0) {
            MPI_Waitall(WINDOW, requests, MPI_STATUSES_IGNORE);
            MPI_Recv(in, 0, MPI_BYTE, 1, 2, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else if (rank == 1) {
            MPI_Waitall(WINDOW, requests, MPI_STATUSES_IGNORE);
            MPI_Send(out, 0, MPI_BYTE, 0, 2, MPI_COMM_WORLD);
        }
    }
}

static void barrier(int size, int turns)
{
    (void)size;
    for (int i = 0; i < turns; i++) {
        MPI_Barrier(MPI_COMM_WORLD);
    }
}

static void broadcast(int size, int turns)
{
    for (int i = 0; i < turns; i++) {
        MPI_Bcast(out, size, MPI_BYTE, i % ranks, MPI_COMM_WORLD);
    }
}

static void all_reduce(int size, int turns)
{
    for (int i = 0; i < turns; i++) {
        MPI_Allreduce(out, in, size / 8, MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
    }
}

static void all_to_all(int size, int turns)
{
    for (int i = 0; i < turns; i++) {
        MPI_Alltoall(out, size, MPI_BYTE, in, size, MPI_BYTE, MPI_COMM_WORLD);
    }
}

struct measurement {
    const char *name;
    Work work;
    int sizes[5];
    int ranks_needed, operations_a_turn;
};

/* Enough turns for something like a millisecond a batch, and few for what is large. */
static int turns_for(int size)
{
    int turns = 4000000 / (size + 1000);
    return turns < 16 ? 16 : turns / 16 * 16;
}

static void measure(const struct measurement *it)
{
    for (int i = 0; i < 5 && (i == 0 || it->sizes[i] > 0); i++) {
        int turns = turns_for(it->sizes[i]);
        double seconds = best_of(10, it->work, it->sizes[i], turns);
        if (rank == 0) {
            double each = seconds * 1e9 / turns / it->operations_a_turn;
            printf("%s %d %.1f\n", it->name, it->sizes[i], each);
        }
    }
}

int main(int argc, char **argv)
{
    static const struct measurement all[] = {
        {"latency", ping_pong, {8, 1024, 8192, 65536, LARGEST}, 2, 2},
        {"pairs", ping_pong_pairs, {8, 1024}, 2, 2},
        {"bandwidth", stream, {1024, 65536, 1 << 20, LARGEST}, 2, 1},
        {"barrier", barrier, {0}, 1, 1},
        {"bcast", broadcast, {8, 1024, 65536}, 1, 1},
        {"allreduce", all_reduce, {8, 1024, 65536, 1 << 20}, 1, 1},
        {"alltoall", all_to_all, {8, 1024, 16384}, 1, 1},
    };
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    size_t room = (size_t)ranks * 16384;
    room = room < LARGEST ? LARGEST : room;
    out = memory(room);
    in = memory(room);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (is_wanted(argc, argv, all[i].name) && ranks >= all[i].ranks_needed) {
            measure(&all[i]);
        }
    }
    free(out);
    free(in);
    MPI_Finalize();
    return 0;
}
