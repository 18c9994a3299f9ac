/*
 * A number goes round the ranks, and each adds its own to it. Then all ranks pass a block to
 * the right at once, until everyone has its own again: no rank waits before it has sent.
 *
 * An argument is the number of laps of the number: 3 otherwise.
 */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOKEN = 1, BLOCK = 2, BLOCK_SIZE = 1000 };

/* What the number is after `laps`, on rank 0; nothing on the others. */
static long pass_token(int rank, int size, int laps)
{
    int left = (rank + size - 1) % size;
    int right = (rank + 1) % size;
    long token = 0;
    for (int lap = 0; lap < laps; lap++) {
        if (rank == 0) {
            token += rank;
            MPI_Send(&token, 1, MPI_LONG, right, TOKEN, MPI_COMM_WORLD);
            MPI_Recv(&token, 1, MPI_LONG, left, TOKEN, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        } else {
            MPI_Recv(&token, 1, MPI_LONG, left, TOKEN, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
            token += rank;
            MPI_Send(&token, 1, MPI_LONG, right, TOKEN, MPI_COMM_WORLD);
        }
    }
    return token;
}

/* Whether every block was at every rank when it should be, and came home. */
static int pass_blocks(int rank, int size)
{
    int left = (rank + size - 1) % size;
    int right = (rank + 1) % size;
    int block[BLOCK_SIZE], next[BLOCK_SIZE];
    for (int i = 0; i < BLOCK_SIZE; i++) {
        block[i] = rank * BLOCK_SIZE + i;
    }
    for (int step = 1; step <= size; step++) {
        MPI_Request requests[2];
        MPI_Irecv(next, BLOCK_SIZE, MPI_INT, left, BLOCK, MPI_COMM_WORLD, &requests[0]);
        MPI_Isend(block, BLOCK_SIZE, MPI_INT, right, BLOCK, MPI_COMM_WORLD, &requests[1]);
        MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
        int from = (rank + size - step % size) % size;
        for (int i = 0; i < BLOCK_SIZE; i++) {
            block[i] = next[i];
            if (block[i] != from * BLOCK_SIZE + i) {
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
    int laps = argc > 1 ? atoi(argv[1]) : 3;
    if (size < 2 || laps < 1) {
        if (rank == 0) {
            fprintf(stderr, "a ring takes at least 2 ranks, and at least 1 lap\n");
        }
        MPI_Finalize();
        return 1;
    }

    long token = pass_token(rank, size, laps);
    int is_right = pass_blocks(rank, size);
    if (rank == 0) {
        is_right = is_right && token == (long)laps * size * (size - 1) / 2;
    }
    int all_right;
    MPI_Allreduce(&is_right, &all_right, 1, MPI_INT, MPI_LAND, MPI_COMM_WORLD);
    if (rank == 0) {
        printf("%d ranks, %d laps: the number is %ld, which is %s\n", size, laps, token,
               all_right ? "right" : "wrong");
    }
    MPI_Finalize();
    return all_right ? 0 : 1;
}
