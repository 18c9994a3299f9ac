/* Misuse gives the class of the error where that is asked for, and the world goes on. */
#include "check.h"

#define FAILS(CLASS, CALL) fails(CLASS, CALL, #CALL, __LINE__)

static void fails(int expected, int code, const char *call, int line)
{
    int class = MPI_SUCCESS;
    MPI_Error_class(code, &class);
    if (class != expected) {
        fprintf(stderr, "%s:%d: rank %d: %s gave class %d and not %d\n", __FILE__, line, rank,
                call, class, expected);
        MPI_Abort(MPI_COMM_WORLD, 1);
    }
}

static void handlers(void)
{
    MPI_Errhandler handler;
    MPI_Comm copy;
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &handler);
    CHECK(handler == MPI_ERRORS_ARE_FATAL);
    MPI_Errhandler_free(&handler);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_set_errhandler(MPI_COMM_SELF, MPI_ERRORS_RETURN);
    MPI_Comm_get_errhandler(MPI_COMM_WORLD, &handler);
    CHECK(handler == MPI_ERRORS_RETURN);
    MPI_Errhandler_free(&handler);
    CHECK(handler == MPI_ERRHANDLER_NULL);
    /* What is made of a communicator has its handler. */
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    MPI_Comm_get_errhandler(copy, &handler);
    CHECK(handler == MPI_ERRORS_RETURN);
    MPI_Errhandler_free(&handler);
    MPI_Comm_call_errhandler(copy, MPI_ERR_OTHER);
    MPI_Comm_free(&copy);
}

static void messages(void)
{
    int n = 0;
    MPI_Request request;
    FAILS(MPI_ERR_RANK, MPI_Send(&n, 1, MPI_INT, size, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_RANK, MPI_Send(&n, 1, MPI_INT, -77, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_RANK, MPI_Recv(&n, 1, MPI_INT, size, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_TAG, MPI_Send(&n, 1, MPI_INT, 0, -5, MPI_COMM_WORLD));
    FAILS(MPI_ERR_TAG, MPI_Recv(&n, 1, MPI_INT, 0, -50, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
    FAILS(MPI_ERR_COUNT, MPI_Send(&n, -1, MPI_INT, 0, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_TYPE, MPI_Send(&n, 1, MPI_DATATYPE_NULL, 0, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_COMM, MPI_Send(&n, 1, MPI_INT, 0, 0, MPI_COMM_NULL));
    FAILS(MPI_ERR_RANK, MPI_Isend(&n, 1, MPI_INT, size, 0, MPI_COMM_WORLD, &request));
    FAILS(MPI_ERR_TAG, MPI_Irecv(&n, 1, MPI_INT, 0, -9, MPI_COMM_WORLD, &request));
    FAILS(MPI_ERR_RANK, MPI_Probe(size + 3, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
    MPI_Datatype type;
    MPI_Type_contiguous(3, MPI_INT, &type);
    /* Not committed. */
    FAILS(MPI_ERR_TYPE, MPI_Send(&n, 0, type, 0, 0, MPI_COMM_WORLD));
    MPI_Type_free(&type);
}

/* A message that does not fit: what fits is there, and nothing behind it is touched. */
static void truncated(void)
{
    int out[4000], in[4001];
    for (int length = 20; length <= 4000; length *= 200) {
        MPI_Request request;
        fill(out, length, rank);
        memset(in, 0xff, sizeof in);
        MPI_Isend(out, length, MPI_INT, rank, 1, MPI_COMM_WORLD, &request);
        FAILS(MPI_ERR_TRUNCATE,
              MPI_Recv(in, length / 2, MPI_INT, rank, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE));
#ifndef OPEN_MPI
        /* Version 4.1 writes all of a long message. */
        EQUAL(in[length / 2], -1);
#endif
        MPI_Wait(&request, MPI_STATUS_IGNORE);
    }
#ifndef OPEN_MPI
    /* Of several, the status says which; version 4.1 gives no error here. */
    MPI_Request requests[2];
    MPI_Status statuses[2];
    MPI_Irecv(in, 1, MPI_INT, rank, 2, MPI_COMM_WORLD, &requests[0]);
    MPI_Irecv(in + 10, 1, MPI_INT, rank, 3, MPI_COMM_WORLD, &requests[1]);
    MPI_Send(out, 1, MPI_INT, rank, 2, MPI_COMM_WORLD);
    MPI_Send(out, 2, MPI_INT, rank, 3, MPI_COMM_WORLD);
    FAILS(MPI_ERR_IN_STATUS, MPI_Waitall(2, requests, statuses));
    FAILS(MPI_ERR_TRUNCATE, statuses[1].MPI_ERROR);
    EQUAL(statuses[0].MPI_ERROR, MPI_SUCCESS);
#endif
}

static void collectives(void)
{
    int n = 0, m = 0;
    double d = 0, e = 0;
    FAILS(MPI_ERR_ROOT, MPI_Bcast(&n, 1, MPI_INT, size, MPI_COMM_WORLD));
    FAILS(MPI_ERR_ROOT, MPI_Bcast(&n, 1, MPI_INT, -1, MPI_COMM_WORLD));
    FAILS(MPI_ERR_COUNT, MPI_Bcast(&n, -1, MPI_INT, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_TYPE, MPI_Bcast(&n, 1, MPI_DATATYPE_NULL, 0, MPI_COMM_WORLD));
    FAILS(MPI_ERR_OP, MPI_Allreduce(&n, &m, 1, MPI_INT, MPI_OP_NULL, MPI_COMM_WORLD));
    FAILS(MPI_ERR_OP, MPI_Allreduce(&d, &e, 1, MPI_DOUBLE, MPI_BAND, MPI_COMM_WORLD));
    FAILS(MPI_ERR_OP, MPI_Allreduce(&n, &m, 1, MPI_INT, MPI_MINLOC, MPI_COMM_WORLD));
    FAILS(MPI_ERR_ROOT,
          MPI_Reduce(&n, &m, 1, MPI_INT, MPI_SUM, size, MPI_COMM_WORLD));
    FAILS(MPI_ERR_COMM, MPI_Barrier(MPI_COMM_NULL));
}

static void objects(void)
{
    MPI_Group world, group;
    MPI_Comm comm;
    MPI_Datatype type;
    int ranks[2] = {0, size}, twice[2] = {0, 0}, n = 0;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    FAILS(MPI_ERR_RANK, MPI_Group_incl(world, 2, ranks, &group));
#ifdef OPEN_MPI
    /* Version 4.1 makes a group of these. */
    (void)twice;
#else
    FAILS(MPI_ERR_RANK, MPI_Group_incl(world, 2, twice, &group));
#endif
    FAILS(MPI_ERR_GROUP, MPI_Group_size(MPI_GROUP_NULL, &n));
    MPI_Group_free(&world);
    FAILS(MPI_ERR_COMM, MPI_Comm_rank(MPI_COMM_NULL, &n));
    FAILS(MPI_ERR_COMM, MPI_Comm_free(&(MPI_Comm){MPI_COMM_WORLD}));
    FAILS(MPI_ERR_TYPE, MPI_Type_contiguous(1, MPI_DATATYPE_NULL, &type));
    FAILS(MPI_ERR_COUNT, MPI_Type_contiguous(-1, MPI_INT, &type));
    MPI_Op predefined = MPI_SUM;
    FAILS(MPI_ERR_OP, MPI_Op_free(&predefined));
    FAILS(MPI_ERR_TOPOLOGY, MPI_Cartdim_get(MPI_COMM_WORLD, &n));
    int dims[1] = {size + 1}, periods[1] = {0}, given[2] = {size + 1, 0};
    int code = MPI_Cart_create(MPI_COMM_WORLD, 1, dims, periods, 0, &comm), class = 0;
    MPI_Error_class(code, &class);
    CHECK(class == MPI_ERR_ARG || class == MPI_ERR_DIMS);
    FAILS(MPI_ERR_DIMS, MPI_Dims_create(size, 2, given));
    MPI_Info info;
    MPI_Info_create(&info);
    FAILS(MPI_ERR_INFO_NOKEY, MPI_Info_delete(info, "none"));
    MPI_Info_free(&info);
}

/* Every class has a text, and a class is its own. */
static void texts(void)
{
    char text[MPI_MAX_ERROR_STRING], first[MPI_MAX_ERROR_STRING];
    int length = -1, class = -1;
    MPI_Error_string(MPI_SUCCESS, first, &length);
    EQUAL(strlen(first), length);
    for (int code = MPI_ERR_BUFFER; code <= MPI_ERR_IN_STATUS; code++) {
        MPI_Error_string(code, text, &length);
        EQUAL(strlen(text), length);
        CHECK(length > 0 && strcmp(text, first) != 0);
        MPI_Error_class(code, &class);
        EQUAL(class, code);
    }
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    handlers();
    passed("handlers");
    messages();
    passed("messages");
    truncated();
    passed("truncated");
    collectives();
    passed("collectives");
    objects();
    passed("objects");
    texts();
    passed("texts");
    return end();
}
