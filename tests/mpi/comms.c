/* Making communicators, and that each is a world of its own. */
#include "check.h"

static int rank_in(MPI_Comm comm)
{
    int mine = -1;
    MPI_Comm_rank(comm, &mine);
    return mine;
}

static int size_of(MPI_Comm comm)
{
    int ranks = -1;
    MPI_Comm_size(comm, &ranks);
    return ranks;
}

static int comparison(MPI_Comm one, MPI_Comm other)
{
    int result = -1;
    MPI_Comm_compare(one, other, &result);
    return result;
}

/* The rank in MPI_COMM_WORLD of each rank of `comm`, which all of them learn. */
static int *members(MPI_Comm comm)
{
    int *all = memory((size_t)size_of(comm) * sizeof *all);
    MPI_Allgather(&rank, 1, MPI_INT, all, 1, MPI_INT, comm);
    return all;
}

static void predefined(void)
{
    EQUAL(size_of(MPI_COMM_SELF), 1);
    EQUAL(rank_in(MPI_COMM_SELF), 0);
    EQUAL(comparison(MPI_COMM_WORLD, MPI_COMM_WORLD), MPI_IDENT);
    EQUAL(comparison(MPI_COMM_WORLD, MPI_COMM_SELF), size == 1 ? MPI_CONGRUENT : MPI_UNEQUAL);
    int flag = -1;
    MPI_Comm_test_inter(MPI_COMM_WORLD, &flag);
    EQUAL(flag, 0);
}

/* A message in one communicator is not seen in another, whatever its tag. */
static void duplicates_are_apart(void)
{
    MPI_Comm copy;
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    EQUAL(comparison(MPI_COMM_WORLD, copy), MPI_CONGRUENT);
    EQUAL(rank_in(copy), rank);
    EQUAL(size_of(copy), size);
    int right = (rank + 1) % size, left = (rank + size - 1) % size;
    int in_world = value(rank, 1), in_copy = value(rank, 2), got = 0;
    MPI_Request requests[2];
    MPI_Isend(&in_world, 1, MPI_INT, right, 4, MPI_COMM_WORLD, &requests[0]);
    MPI_Isend(&in_copy, 1, MPI_INT, right, 4, copy, &requests[1]);
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, copy, MPI_STATUS_IGNORE);
    EQUAL(got, value(left, 2));
    MPI_Recv(&got, 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    EQUAL(got, value(left, 1));
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    MPI_Comm_free(&copy);
    CHECK(copy == MPI_COMM_NULL);
}

static void split(void)
{
    MPI_Comm part;
    MPI_Comm_split(MPI_COMM_WORLD, rank % 3, -rank, &part);
    int *in_part = members(part);
    int count = 0;
    for (int i = size - 1; i >= 0; i--) {
        if (i % 3 == rank % 3) {
            EQUAL(in_part[count], i);
            count++;
        }
    }
    EQUAL(size_of(part), count);
    EQUAL(in_part[rank_in(part)], rank);
    free(in_part);
    /* Of a part, again; the same key leaves the order as it was. */
    MPI_Comm smaller;
    MPI_Comm_split(part, rank_in(part) == 0 ? MPI_UNDEFINED : 1, 0, &smaller);
    if (rank_in(part) == 0) {
        CHECK(smaller == MPI_COMM_NULL);
    } else {
        EQUAL(size_of(smaller), size_of(part) - 1);
        EQUAL(rank_in(smaller), rank_in(part) - 1);
        MPI_Comm_free(&smaller);
    }
    MPI_Comm_free(&part);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, rank, MPI_INFO_NULL, &part);
    CHECK(size_of(part) >= 1 && size_of(part) <= size);
    MPI_Comm_free(&part);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_UNDEFINED, 0, MPI_INFO_NULL, &part);
    CHECK(part == MPI_COMM_NULL);
}

/* The even ranks in reverse. */
static MPI_Group evens(void)
{
    MPI_Group world, group;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    int *even = memory((size_t)size * sizeof *even), count = 0;
    for (int i = (size - 1) / 2 * 2; i >= 0; i -= 2) {
        even[count++] = i;
    }
    MPI_Group_incl(world, count, even, &group);
    MPI_Group_free(&world);
    free(even);
    return group;
}

static void created_of_groups(void)
{
    MPI_Group group = evens();
    for (int by_members_alone = 0; by_members_alone < 2; by_members_alone++) {
        MPI_Comm part = MPI_COMM_NULL;
        if (!by_members_alone) {
            MPI_Comm_create(MPI_COMM_WORLD, group, &part);
        } else if (rank % 2 == 0) {
            MPI_Comm_create_group(MPI_COMM_WORLD, group, 17, &part);
        }
        if (rank % 2 == 1) {
            CHECK(part == MPI_COMM_NULL);
            continue;
        }
        int ranks = (size + 1) / 2;
        EQUAL(size_of(part), ranks);
        EQUAL(rank_in(part), ranks - 1 - rank / 2);
        int *in_part = members(part);
        for (int i = 0; i < ranks; i++) {
            EQUAL(in_part[i], 2 * (ranks - 1 - i));
        }
        free(in_part);
        MPI_Group back;
        int result = -1;
        MPI_Comm_group(part, &back);
        MPI_Group_compare(back, group, &result);
        EQUAL(result, MPI_IDENT);
        MPI_Group_free(&back);
        EQUAL(comparison(part, MPI_COMM_WORLD), size == 1 ? MPI_CONGRUENT : MPI_UNEQUAL);
        MPI_Comm_free(&part);
    }
    MPI_Group_free(&group);
}

static void similar(void)
{
    MPI_Comm reversed;
    MPI_Comm_split(MPI_COMM_WORLD, 0, -rank, &reversed);
    EQUAL(rank_in(reversed), size - 1 - rank);
    EQUAL(comparison(MPI_COMM_WORLD, reversed), size == 1 ? MPI_CONGRUENT : MPI_SIMILAR);
    MPI_Comm_free(&reversed);
}

static void names(void)
{
    char name[MPI_MAX_OBJECT_NAME];
    int length = -1;
    MPI_Comm_get_name(MPI_COMM_WORLD, name, &length);
    CHECK(strcmp(name, "MPI_COMM_WORLD") == 0 && length == 14);
    MPI_Comm_get_name(MPI_COMM_SELF, name, &length);
    CHECK(strcmp(name, "MPI_COMM_SELF") == 0);
    MPI_Comm copy;
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    MPI_Comm_set_name(copy, "a copy");
    MPI_Comm_get_name(copy, name, &length);
    CHECK(strcmp(name, "a copy") == 0 && length == 6);
    MPI_Comm_free(&copy);
}

/* A free does not end what is under way. */
static void freed_with_messages(void)
{
    MPI_Comm copy;
    MPI_Request requests[2];
    int right = (rank + 1) % size, left = (rank + size - 1) % size, got = -1;
    MPI_Comm_dup(MPI_COMM_WORLD, &copy);
    MPI_Irecv(&got, 1, MPI_INT, left, 0, copy, &requests[0]);
    MPI_Isend(&rank, 1, MPI_INT, right, 0, copy, &requests[1]);
    MPI_Comm_free(&copy);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
    EQUAL(got, left);
}

static void many(void)
{
    for (int i = 0; i < 200; i++) {
        MPI_Comm copy, part;
        MPI_Comm_dup(MPI_COMM_WORLD, &copy);
        MPI_Comm_split(copy, rank % 2, rank, &part);
        int sum = 0, one = 1;
        MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, part);
        EQUAL(sum, size_of(part));
        MPI_Comm_free(&part);
        MPI_Comm_free(&copy);
    }
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    predefined();
    passed("predefined");
    duplicates_are_apart();
    passed("duplicates are apart");
    split();
    passed("split");
    created_of_groups();
    passed("created of groups");
    similar();
    passed("similar");
    names();
    passed("names");
    freed_with_messages();
    passed("freed with messages");
    many();
    passed("many");
    return end();
}
