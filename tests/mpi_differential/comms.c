/* Communicators, groups and grids. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>

static int size_of(MPI_Comm comm)
{
    int size;
    MPI_Comm_size(comm, &size);
    return size;
}

static int rank_in(MPI_Comm comm)
{
    int mine;
    MPI_Comm_rank(comm, &mine);
    return mine;
}

static const char *comparison(MPI_Comm one, MPI_Comm other)
{
    int result;
    MPI_Comm_compare(one, other, &result);
    return result == MPI_IDENT       ? "identical"
           : result == MPI_CONGRUENT ? "congruent"
           : result == MPI_SIMILAR   ? "similar"
                                     : "unequal";
}

/* `count` ranks of the group of `comm`, which the script names. */
static MPI_Group group_of(MPI_Comm comm, int is_without)
{
    MPI_Group all, some;
    int count = (int)number();
    int *members = numbers(count);
    MPI_Comm_group(comm, &all);
    if (is_without) {
        MPI_Group_excl(all, count, members, &some);
    } else {
        MPI_Group_incl(all, count, members, &some);
    }
    MPI_Group_free(&all);
    free(members);
    return some;
}

static MPI_Comm of_group(int kind, MPI_Comm comm)
{
    MPI_Comm made = MPI_COMM_NULL;
    MPI_Group group = group_of(comm, kind == 3);
    int mine;
    MPI_Group_rank(group, &mine);
    if (kind != 4) {
        MPI_Comm_create(comm, group, &made);
    } else if (mine != MPI_UNDEFINED) {
        MPI_Comm_create_group(comm, group, 5, &made);
    }
    MPI_Group_free(&group);
    return made;
}

static MPI_Comm grid_of(int kind, MPI_Comm comm)
{
    MPI_Comm made;
    int count = (int)number();
    int *first = numbers(count);
    if (kind == 5) {
        int *periods = numbers(count);
        MPI_Cart_create(comm, count, first, periods, 0, &made);
        free(periods);
    } else {
        MPI_Cart_sub(comm, first, &made);
    }
    free(first);
    return made;
}

/* Colors and keys by rank: in parts of different sizes, there are more than a part needs. Who
   has color 2 gets none. */
static MPI_Comm split_of(MPI_Comm comm, int count)
{
    MPI_Comm made;
    int mine = rank_in(comm);
    int *colors = numbers(count), *keys = numbers(count);
    MPI_Comm_split(comm, colors[mine] == 2 ? MPI_UNDEFINED : colors[mine], keys[mine], &made);
    free(colors);
    free(keys);
    return made;
}

/* Goes past numbers of a line that is not for this rank. */
static void skip(int count)
{
    free(numbers(count));
}

/* The script says first how many numbers follow. */
void make_comm(void)
{
    static const char *const kinds[] = {"dup", "split", "incl", "excl", "group",
                                        "cart", "sub",  NULL};
    int kind = one_of(kinds), length = (int)number();
    MPI_Comm old = comms[number()], made = MPI_COMM_NULL;
    if (old == MPI_COMM_NULL) {
        skip(length);
    } else if (kind == 0) {
        MPI_Comm_dup(old, &made);
    } else if (kind == 1) {
        made = split_of(old, length / 2);
    } else if (kind < 5) {
        made = of_group(kind, old);
    } else {
        made = grid_of(kind, old);
    }
    comms[comm_count++] = made;
    if (made == MPI_COMM_NULL) {
        note("comm none");
        return;
    }
    int size = size_of(made);
    int *members = malloc((size_t)size * sizeof *members);
    if (members == NULL) {
        fail("no memory");
    }
    MPI_Allgather(&rank, 1, MPI_INT, members, 1, MPI_INT, made);
    note("comm %d of %d %016llx %s", rank_in(made), size,
         (unsigned long long)hash_of(members, (size_t)size * sizeof *members),
         comparison(old, made));
    free(members);
}

void free_comm(void)
{
    int which = (int)number();
    if (comms[which] != MPI_COMM_NULL) {
        MPI_Comm_free(&comms[which]);
    }
}

static void show_group(const char *name, MPI_Group group, MPI_Group of)
{
    int count, mine, places[64], found[64] = {0};
    MPI_Group_size(group, &count);
    MPI_Group_rank(group, &mine);
    for (int i = 0; i < count && i < 64; i++) {
        places[i] = i;
    }
    MPI_Group_translate_ranks(group, count, places, of, found);
    for (int i = 0; i < count; i++) {
        found[i] = found[i] == MPI_UNDEFINED ? -1 : found[i];
    }
    note("%s %d of %d %016llx", name, mine == MPI_UNDEFINED ? -1 : mine, count,
         (unsigned long long)hash_of(found, (size_t)count * sizeof *found));
}

/* What two groups of ranks of the world have together. */
void show_groups(void)
{
    MPI_Group world, made;
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    MPI_Group one = group_of(MPI_COMM_WORLD, 0), other = group_of(MPI_COMM_WORLD, 0);
    int result;
    MPI_Group_compare(one, other, &result);
    note("groups %s", result == MPI_IDENT     ? "identical"
                      : result == MPI_SIMILAR ? "similar"
                                              : "unequal");
    show_group("one in other", one, other);
    MPI_Group_union(one, other, &made);
    show_group("union", made, world);
    MPI_Group_free(&made);
    /* These may be empty, and the empty group is nobody's to free. */
    MPI_Group_intersection(one, other, &made);
    show_group("intersection", made, world);
    MPI_Group_difference(one, other, &made);
    show_group("difference", made, world);
    MPI_Group_free(&one);
    MPI_Group_free(&other);
    MPI_Group_free(&world);
}

void show_grid(void)
{
    MPI_Comm grid = comms[number()];
    int direction = (int)number(), distance = (int)number();
    if (grid == MPI_COMM_NULL) {
        return;
    }
    int count, dims[4], periods[4], place[4], source, destination;
    MPI_Cartdim_get(grid, &count);
    MPI_Cart_get(grid, 4, dims, periods, place);
    MPI_Cart_shift(grid, direction % count, distance, &source, &destination);
    note("grid of %d, %d at %d from %d to %d", count, dims[0], place[count - 1],
         source == MPI_PROC_NULL ? -1 : source, destination == MPI_PROC_NULL ? -1 : destination);
}
