/*
 * Reductions over `long double`, whose 128 bits only the program's own compiler can add up: the
 * server calls back for them. Compiled into programs that are built with MPI.
 */
#include <mpi.h>

/* As MPI_LONG_DOUBLE_INT is laid out. */
struct pair {
    long double value;
    int index;
};

/* Spelled so that <complex.h> need not be there. */
typedef long double _Complex complex_long_double;

static int reduce_real(const long double *in, long double *inout, int count, MPI_Op op)
{
    for (int i = 0; i < count; i++) {
        if (op == MPI_SUM) {
            inout[i] += in[i];
        } else if (op == MPI_PROD) {
            inout[i] *= in[i];
        } else if (op == MPI_MIN) {
            inout[i] = in[i] < inout[i] ? in[i] : inout[i];
        } else if (op == MPI_MAX) {
            inout[i] = in[i] > inout[i] ? in[i] : inout[i];
        } else {
            return MPI_ERR_OP;
        }
    }
    return MPI_SUCCESS;
}

static int reduce_complex(const complex_long_double *in, complex_long_double *inout, int count,
                          MPI_Op op)
{
    for (int i = 0; i < count; i++) {
        if (op == MPI_SUM) {
            inout[i] += in[i];
        } else if (op == MPI_PROD) {
            inout[i] *= in[i];
        } else {
            return MPI_ERR_OP;
        }
    }
    return MPI_SUCCESS;
}

static int reduce_pairs(const struct pair *in, struct pair *inout, int count, MPI_Op op)
{
    if (op != MPI_MINLOC && op != MPI_MAXLOC) {
        return MPI_ERR_OP;
    }
    for (int i = 0; i < count; i++) {
        long double theirs = in[i].value;
        long double ours = inout[i].value;
        int is_better = op == MPI_MINLOC ? theirs < ours : theirs > ours;
        /* The lower index, where both values are the same. */
        if (is_better || (theirs == ours && in[i].index < inout[i].index)) {
            inout[i].value = theirs;
            inout[i].index = in[i].index;
        }
    }
    return MPI_SUCCESS;
}

/* `inout[i] = in[i] op inout[i]`; an error class if `op` does not go with `type`. */
__attribute__((export_name("__faasm_mpi_reduce"))) int
__faasm_mpi_reduce(const void *in, void *inout, int count, MPI_Datatype type, MPI_Op op)
{
    if (type == MPI_LONG_DOUBLE) {
        return reduce_real(in, inout, count, op);
    }
    if (type == MPI_C_LONG_DOUBLE_COMPLEX || type == MPI_CXX_LONG_DOUBLE_COMPLEX) {
        return reduce_complex(in, inout, count, op);
    }
    if (type == MPI_LONG_DOUBLE_INT) {
        return reduce_pairs(in, inout, count, op);
    }
    return MPI_ERR_TYPE;
}
