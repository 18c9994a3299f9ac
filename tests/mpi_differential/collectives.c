/* What all ranks of a communicator do together. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a line says; each operation takes what it needs. */
struct call {
    MPI_Comm comm;
    int mine, size, root, count, is_in_place;
    int type;
    MPI_Op op;
    /* By rank, for what is of different lengths; for all-to-all by pairs of ranks. */
    int *counts;
};

static const char *const names[] = {"bcast",         "gather",    "scatter",
                                    "allgather",     "alltoall",  "gatherv",
                                    "scatterv",      "allgatherv", "alltoallv",
                                    "reduce",        "allreduce", "reduce_scatter",
                                    "reduce_scatter_block", "scan", "exscan", NULL};
enum {
    BCAST,
    GATHER,
    SCATTER,
    ALLGATHER,
    ALLTOALL,
    GATHERV,
    SCATTERV,
    ALLGATHERV,
    ALLTOALLV,
    REDUCE,
    ALLREDUCE,
    REDUCE_SCATTER,
    REDUCE_SCATTER_BLOCK,
    SCAN,
    EXSCAN,
};

/* Pairs of slope and shift: the line of `in`, then that of `inout`. */
static void compose(void *in, void *inout, int *count, MPI_Datatype *type)
{
    const uint32_t *first = in;
    uint32_t *second = inout;
    (void)type;
    for (int i = 0; i < 2 * *count; i += 2) {
        second[i + 1] += second[i] * first[i + 1];
        second[i] *= first[i];
    }
}

/* Small whole numbers, whose sums and products no order of operations changes. */
static void make_small(struct buffer *buffer, int count, int type)
{
    for (int i = 0; i < count; i++) {
        int small = (int)(random_number() >> 60) - 4;
        if (type == 10) {
            ((float *)buffer->start)[i] = (float)(small & 1 ? 1 : small & 2 ? 2 : -1);
        } else if (type == 11) {
            ((double *)buffer->start)[i] = small & 1 ? 1 : small & 2 ? 2 : -1;
        } else if (type == 12) {
            ((int *)buffer->start)[2 * i] = small;
        } else if (type == 13) {
            ((double *)buffer->start)[2 * i] = small & 1 ? 1 : -1;
            ((double *)buffer->start)[2 * i + 1] = 0;
        }
    }
}

static void show(const char *name, struct buffer *out, struct buffer *in, int is_shown)
{
    uint64_t sent = end_of(out);
    if (is_shown) {
        note("%s %016llx %016llx", name, (unsigned long long)sent,
             (unsigned long long)end_of(in));
    } else {
        free(in->memory);
        note("%s %016llx", name, (unsigned long long)sent);
    }
}

static void alike(int which, const struct call *call)
{
    MPI_Datatype type = types[call->type];
    int count = call->count, all = call->size * count, root = call->root;
    int is_root = call->mine == root;
    int sends_all = which == SCATTER || which == ALLTOALL;
    int receives_all = which == GATHER || which == ALLGATHER || which == ALLTOALL;
    /* In place, the data is in the memory for what is received, but in that for what is sent
       where the root scatters. */
    int is_in_place = call->is_in_place && (which == ALLGATHER || which == ALLTOALL || is_root);
    int in_is_data = which == BCAST ? is_root : is_in_place && which != SCATTER;
    struct buffer out = buffer_of(sends_all ? all : count, type, 1);
    struct buffer in = buffer_of(receives_all ? all : count, type, in_is_data);
    void *here = MPI_IN_PLACE;
    const void *from = is_in_place && which != SCATTER ? here : out.start;
    void *to = is_in_place && which == SCATTER ? here : in.start;
    if (which == BCAST) {
        MPI_Bcast(in.start, count, type, root, call->comm);
    } else if (which == GATHER) {
        MPI_Gather(from, count, type, to, count, type, root, call->comm);
    } else if (which == SCATTER) {
        MPI_Scatter(from, count, type, to, count, type, root, call->comm);
    } else if (which == ALLGATHER) {
        MPI_Allgather(from, count, type, to, count, type, call->comm);
    } else {
        MPI_Alltoall(from, count, type, to, count, type, call->comm);
    }
    show(names[which], &out, &in, which != GATHER || is_root);
}

/* Where the parts begin, with a gap of one element between two; the end of the last. */
static int begin(const int *counts, int size, int *first)
{
    int next = 0;
    for (int i = 0; i < size; i++) {
        first[i] = next;
        next += counts[i] + 1;
    }
    return next;
}

static void of_pairs(const struct call *call)
{
    MPI_Datatype type = types[call->type];
    size_t bytes = (size_t)call->size * sizeof(int);
    int *lengths = malloc(4 * bytes);
    if (lengths == NULL) {
        fail("no memory");
    }
    int *sends = lengths, *receives = lengths + call->size;
    int *send_first = receives + call->size, *receive_first = send_first + call->size;
    for (int i = 0; i < call->size; i++) {
        sends[i] = call->counts[call->mine * call->size + i];
        /* In place, both directions are the same. */
        receives[i] = call->counts[i * call->size + call->mine];
        if (call->is_in_place) {
            sends[i] = receives[i] = sends[i] < receives[i] ? sends[i] : receives[i];
        }
    }
    struct buffer out = buffer_of(begin(sends, call->size, send_first), type, 1);
    struct buffer in =
        buffer_of(begin(receives, call->size, receive_first), type, call->is_in_place);
    void *here = MPI_IN_PLACE;
    MPI_Alltoallv(call->is_in_place ? here : out.start, sends, send_first, type, in.start,
                  receives, receive_first, type, call->comm);
    show("alltoallv", &out, &in, 1);
    free(lengths);
}

static void of_different_lengths(int which, const struct call *call)
{
    MPI_Datatype type = types[call->type];
    int mine = call->counts[call->mine], root = call->root, is_root = call->mine == root;
    int *first = malloc((size_t)call->size * sizeof *first);
    if (first == NULL) {
        fail("no memory");
    }
    int all = begin(call->counts, call->size, first);
    int is_in_place = call->is_in_place && (which == ALLGATHERV || is_root);
    struct buffer out = buffer_of(which == SCATTERV ? all : mine, type, 1);
    struct buffer in = buffer_of(which == SCATTERV ? mine : all, type,
                                 is_in_place && which != SCATTERV);
    void *here = MPI_IN_PLACE;
    const void *from = is_in_place && which != SCATTERV ? here : out.start;
    void *to = is_in_place && which == SCATTERV ? here : in.start;
    if (which == GATHERV) {
        MPI_Gatherv(from, mine, type, to, call->counts, first, type, root, call->comm);
    } else if (which == SCATTERV) {
        MPI_Scatterv(from, call->counts, first, type, to, mine, type, root, call->comm);
    } else {
        MPI_Allgatherv(from, mine, type, to, call->counts, first, type, call->comm);
    }
    show(names[which], &out, &in, which != GATHERV || is_root);
    free(first);
}

static void reducing(int which, const struct call *call)
{
    MPI_Datatype type = types[call->type];
    int count = call->count, all = count, result = count, is_root = call->mine == call->root;
    if (which == REDUCE_SCATTER) {
        all = 0;
        for (int i = 0; i < call->size; i++) {
            all += call->counts[i];
        }
        result = call->counts[call->mine];
    } else if (which == REDUCE_SCATTER_BLOCK) {
        all = count * call->size;
    }
    int is_in_place = call->is_in_place && (which != REDUCE || is_root);
    struct buffer out = buffer_of(all, type, 1);
    struct buffer in = buffer_of(is_in_place ? all : result, type, is_in_place);
    make_small(&out, all, call->type);
    if (is_in_place) {
        make_small(&in, all, call->type);
    }
    void *here = MPI_IN_PLACE, *to = in.start;
    const void *from = is_in_place ? here : out.start;
    if (which == REDUCE) {
        MPI_Reduce(from, to, count, type, call->op, call->root, call->comm);
    } else if (which == ALLREDUCE) {
        MPI_Allreduce(from, to, count, type, call->op, call->comm);
    } else if (which == REDUCE_SCATTER) {
        MPI_Reduce_scatter(from, to, call->counts, type, call->op, call->comm);
    } else if (which == REDUCE_SCATTER_BLOCK) {
        MPI_Reduce_scatter_block(from, to, count, type, call->op, call->comm);
    } else if (which == SCAN) {
        MPI_Scan(from, to, count, type, call->op, call->comm);
    } else {
        MPI_Exscan(from, to, count, type, call->op, call->comm);
    }
    int is_said = which == REDUCE ? is_root : which != EXSCAN || call->mine > 0;
    /* Behind its part, what a rank has left in place is nobody's. */
    int is_rest = is_in_place && (which == REDUCE_SCATTER || which == REDUCE_SCATTER_BLOCK);
    if (is_said && is_rest) {
        int bytes;
        MPI_Type_size(type, &bytes);
        uint64_t hash = hash_of(in.start, (size_t)result * (size_t)bytes);
        learn(hash);
        note("in place %016llx", (unsigned long long)hash);
    }
    show(names[which], &out, &in, is_said && !is_rest);
}

static MPI_Op op_of_line(void)
{
    static const char *const ops[] = {"sum",  "prod", "min",  "max",    "band",   "bor",  "bxor",
                                      "land", "lor",  "lxor", "minloc", "maxloc", "own", NULL};
    const MPI_Op predefined[] = {MPI_SUM,  MPI_PROD, MPI_MIN,  MPI_MAX, MPI_BAND,   MPI_BOR,
                                 MPI_BXOR, MPI_LAND, MPI_LOR,  MPI_LXOR, MPI_MINLOC, MPI_MAXLOC};
    int which = one_of(ops);
    if (which < 12) {
        return predefined[which];
    }
    MPI_Op own;
    MPI_Op_create(compose, 0, &own);
    return own;
}

/* The script says how many counts follow: none, one for each rank or for each pair. */
void collective(void)
{
    struct call call;
    int which = one_of(names);
    call.comm = comms[number()];
    call.root = (int)number();
    call.count = (int)number();
    call.type = (int)number();
    MPI_Op op = op_of_line();
    call.op = op;
    call.is_in_place = (int)number();
    call.counts = numbers((int)number());
    if (call.comm != MPI_COMM_NULL) {
        MPI_Comm_rank(call.comm, &call.mine);
        MPI_Comm_size(call.comm, &call.size);
        if (which < GATHERV) {
            alike(which, &call);
        } else if (which == ALLTOALLV) {
            of_pairs(&call);
        } else if (which < REDUCE) {
            of_different_lengths(which, &call);
        } else {
            reducing(which, &call);
        }
    }
    free(call.counts);
    int commutes;
    MPI_Op_commutative(op, &commutes);
    if (!commutes) {
        MPI_Op_free(&op);
    }
}
