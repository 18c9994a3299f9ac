/* Hints: keys and values. */
#include "check.h"

static int length_of(MPI_Info info, const char *key)
{
    int length = -1, flag = -1;
    MPI_Info_get_valuelen(info, key, &length, &flag);
    return flag ? length : -1;
}

static void keys_and_values(void)
{
    MPI_Info info, copy;
    char text[MPI_MAX_INFO_VAL];
    int flag = -1, count = -1;
    MPI_Info_create(&info);
    MPI_Info_get_nkeys(info, &count);
    EQUAL(count, 0);
    MPI_Info_get(info, "none", 10, text, &flag);
    EQUAL(flag, 0);
    EQUAL(length_of(info, "none"), -1);

    MPI_Info_set(info, "first", "one");
    MPI_Info_set(info, "second", "a longer value");
    MPI_Info_set(info, "first", "changed");
    MPI_Info_get_nkeys(info, &count);
    EQUAL(count, 2);
    EQUAL(length_of(info, "second"), 14);
    MPI_Info_get(info, "first", MPI_MAX_INFO_VAL - 1, text, &flag);
    CHECK(flag && strcmp(text, "changed") == 0);
    /* What does not fit is cut off. */
    MPI_Info_get(info, "second", 8, text, &flag);
    CHECK(flag && strcmp(text, "a longer") == 0);

    MPI_Info_dup(info, &copy);
    MPI_Info_delete(info, "first");
    MPI_Info_get_nkeys(info, &count);
    EQUAL(count, 1);
    char key[MPI_MAX_INFO_KEY];
    MPI_Info_get_nthkey(info, 0, key);
    CHECK(strcmp(key, "second") == 0);
    MPI_Info_get_nkeys(copy, &count);
    EQUAL(count, 2);
    MPI_Info_get(copy, "first", 20, text, &flag);
    CHECK(flag && strcmp(text, "changed") == 0);
#if MPI_VERSION >= 4
    int room = 4;
    MPI_Info_get_string(copy, "first", &room, text, &flag);
    CHECK(flag && strcmp(text, "cha") == 0);
    EQUAL(room, 8);
#endif
    MPI_Info_free(&info);
    MPI_Info_free(&copy);
    CHECK(info == MPI_INFO_NULL && copy == MPI_INFO_NULL);
}

static void of_communicators(void)
{
    MPI_Info info, used;
    MPI_Comm other;
    MPI_Info_create(&info);
    MPI_Info_set(info, "unknown_hint", "ignored");
    MPI_Comm_dup_with_info(MPI_COMM_WORLD, info, &other);
    MPI_Comm_set_info(other, info);
    MPI_Comm_get_info(other, &used);
    CHECK(used != MPI_INFO_NULL);
    MPI_Info_free(&used);
    MPI_Info_free(&info);
    int ranks = 0;
    MPI_Comm_size(other, &ranks);
    EQUAL(ranks, size);
    MPI_Comm_free(&other);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    keys_and_values();
    passed("keys and values");
    of_communicators();
    passed("of communicators");
    return end();
}
