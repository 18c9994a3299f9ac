/* Attributes of communicators, and what is done with them when those are copied and freed. */
#include "check.h"

static int copies, deletions;

static int copy(MPI_Comm comm, int keyval, void *extra, void *in, void *out, int *flag)
{
    (void)comm;
    (void)keyval;
    copies++;
    /* One more than the other has, if the attribute is to be copied. */
    *(void **)out = (char *)in + 1;
    *flag = *(int *)extra;
    return MPI_SUCCESS;
}

static int delete(MPI_Comm comm, int keyval, void *attribute, void *extra)
{
    (void)comm;
    (void)keyval;
    (void)attribute;
    CHECK(extra != NULL);
    deletions++;
    return MPI_SUCCESS;
}

static char bytes[10];

/* The attribute, or NULL if there is none. */
static char *get(MPI_Comm comm, int keyval)
{
    char *found = NULL;
    int flag = -1;
    MPI_Comm_get_attr(comm, keyval, (void *)&found, &flag);
    CHECK(flag == 0 || flag == 1);
    return flag ? found : NULL;
}

static void ones_own(void)
{
    int is_copied = 1, keyval = MPI_KEYVAL_INVALID;
    MPI_Comm_create_keyval(copy, delete, &keyval, &is_copied);
    CHECK(keyval != MPI_KEYVAL_INVALID);
    CHECK(get(MPI_COMM_WORLD, keyval) == NULL);
    MPI_Comm_set_attr(MPI_COMM_WORLD, keyval, bytes);
    CHECK(get(MPI_COMM_WORLD, keyval) == bytes);
    CHECK(get(MPI_COMM_SELF, keyval) == NULL);
    /* What is replaced is deleted. */
    MPI_Comm_set_attr(MPI_COMM_WORLD, keyval, bytes + 1);
    EQUAL(deletions, 1);
    CHECK(get(MPI_COMM_WORLD, keyval) == bytes + 1);

    MPI_Comm other;
    MPI_Comm_dup(MPI_COMM_WORLD, &other);
    EQUAL(copies, 1);
    CHECK(get(other, keyval) == bytes + 2);
    MPI_Comm_free(&other);
    EQUAL(deletions, 2);

    is_copied = 0;
    MPI_Comm_dup(MPI_COMM_WORLD, &other);
    EQUAL(copies, 2);
    CHECK(get(other, keyval) == NULL);
    MPI_Comm_free(&other);
    EQUAL(deletions, 2);
    /* Only dup copies. */
    MPI_Comm_split(MPI_COMM_WORLD, 0, rank, &other);
    EQUAL(copies, 2);
    CHECK(get(other, keyval) == NULL);
    MPI_Comm_free(&other);

    MPI_Comm_delete_attr(MPI_COMM_WORLD, keyval);
    EQUAL(deletions, 3);
    CHECK(get(MPI_COMM_WORLD, keyval) == NULL);
    MPI_Comm_free_keyval(&keyval);
    EQUAL(keyval, MPI_KEYVAL_INVALID);
}

static void without_functions(void)
{
    int copied, not_copied;
    MPI_Comm other;
    MPI_Comm_create_keyval(MPI_COMM_DUP_FN, MPI_COMM_NULL_DELETE_FN, &copied, NULL);
    MPI_Comm_create_keyval(MPI_COMM_NULL_COPY_FN, MPI_COMM_NULL_DELETE_FN, &not_copied, NULL);
    CHECK(copied != not_copied);
    MPI_Comm_set_attr(MPI_COMM_WORLD, copied, bytes + 3);
    MPI_Comm_set_attr(MPI_COMM_WORLD, not_copied, bytes + 4);
    MPI_Comm_dup(MPI_COMM_WORLD, &other);
    CHECK(get(other, copied) == bytes + 3);
    CHECK(get(other, not_copied) == NULL);
    MPI_Comm_free(&other);
    MPI_Comm_delete_attr(MPI_COMM_WORLD, copied);
    MPI_Comm_delete_attr(MPI_COMM_WORLD, not_copied);
    MPI_Comm_free_keyval(&copied);
    MPI_Comm_free_keyval(&not_copied);
}

static void predefined(void)
{
    int *found = NULL, flag = 0;
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_TAG_UB, (void *)&found, &flag);
    CHECK(flag && found != NULL && *found >= 32767);
    /* The largest tag works. */
    int got = -1;
    MPI_Sendrecv(&rank, 1, MPI_INT, rank, *found, &got, 1, MPI_INT, rank, *found, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    EQUAL(got, rank);
    MPI_Comm_get_attr(MPI_COMM_WORLD, MPI_WTIME_IS_GLOBAL, (void *)&found, &flag);
    CHECK(!flag || *found == 0 || *found == 1);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    ones_own();
    passed("ones own");
    without_functions();
    passed("without functions");
    predefined();
    passed("predefined");
    return end();
}
