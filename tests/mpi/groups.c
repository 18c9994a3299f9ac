/* Sets of ranks, against sets of bits. */
#include "check.h"

/* Ranks that a group is made of, in order. */
struct set {
    int count;
    int *ranks;
};

static MPI_Group world;

static struct set empty(void)
{
    return (struct set){0, memory(2 * (size_t)size * sizeof(int))};
}

static int has(struct set set, int member)
{
    for (int i = 0; i < set.count; i++) {
        if (set.ranks[i] == member) {
            return 1;
        }
    }
    return 0;
}

static void add(struct set *set, int member)
{
    set->ranks[set->count++] = member;
}

/* The multiples of `step`, from the highest or from the lowest. */
static struct set multiples(int step, int is_descending)
{
    struct set set = empty();
    for (int i = 0; i < size; i++) {
        int member = is_descending ? size - 1 - i : i;
        if (member % step == 0) {
            add(&set, member);
        }
    }
    return set;
}

static MPI_Group group_of(struct set set)
{
    MPI_Group group;
    MPI_Group_incl(world, set.count, set.ranks, &group);
    return group;
}

/* The group has just these ranks, in this order. */
static void expect(MPI_Group group, struct set set)
{
    int count = -1, mine = -1, expected = MPI_UNDEFINED;
    MPI_Group_size(group, &count);
    EQUAL(count, set.count);
    MPI_Group_rank(group, &mine);
    int *places = memory((size_t)(set.count + 1) * sizeof *places);
    int *found = memory((size_t)(set.count + 1) * sizeof *found);
    for (int i = 0; i < set.count; i++) {
        places[i] = i;
        expected = set.ranks[i] == rank ? i : expected;
    }
    EQUAL(mine, expected);
    MPI_Group_translate_ranks(group, set.count, places, world, found);
    for (int i = 0; i < set.count; i++) {
        EQUAL(found[i], set.ranks[i]);
    }
    free(places);
    free(found);
}

static void operations(struct set one, struct set other)
{
    MPI_Group a = group_of(one), b = group_of(other), result;
    struct set all = empty(), both = empty(), only = empty();
    for (int i = 0; i < one.count; i++) {
        add(&all, one.ranks[i]);
        add(has(other, one.ranks[i]) ? &both : &only, one.ranks[i]);
    }
    for (int i = 0; i < other.count; i++) {
        if (!has(one, other.ranks[i])) {
            add(&all, other.ranks[i]);
        }
    }
    expect(a, one);
    MPI_Group_union(a, b, &result);
    expect(result, all);
    MPI_Group_free(&result);
    MPI_Group_intersection(a, b, &result);
    expect(result, both);
    if (both.count > 0) {
        MPI_Group_free(&result);
    }
    MPI_Group_difference(a, b, &result);
    expect(result, only);
    if (only.count > 0) {
        MPI_Group_free(&result);
    }
    int comparison = -1, expected = MPI_UNEQUAL;
    if (one.count == other.count && both.count == one.count) {
        size_t bytes = (size_t)one.count * sizeof *one.ranks;
        expected = memcmp(one.ranks, other.ranks, bytes) == 0 ? MPI_IDENT : MPI_SIMILAR;
    }
    MPI_Group_compare(a, b, &comparison);
    EQUAL(comparison, expected);
    MPI_Group_free(&a);
    MPI_Group_free(&b);
    CHECK(a == MPI_GROUP_NULL);
    free(all.ranks);
    free(both.ranks);
    free(only.ranks);
}

static void all_operations(void)
{
    struct set sets[6];
    for (int i = 0; i < 6; i++) {
        sets[i] = multiples(i / 2 + 1, i % 2);
    }
    for (int i = 0; i < 6; i++) {
        for (int j = 0; j < 6; j++) {
            operations(sets[i], sets[j]);
        }
    }
    for (int i = 0; i < 6; i++) {
        free(sets[i].ranks);
    }
}

static void leaving_out(void)
{
    struct set thirds = multiples(3, 0), others = empty();
    for (int i = 0; i < size; i++) {
        if (i % 3 != 0) {
            add(&others, i);
        }
    }
    MPI_Group rest;
    MPI_Group_excl(world, thirds.count, thirds.ranks, &rest);
    expect(rest, others);
    if (others.count > 0) {
        MPI_Group_free(&rest);
    }
    free(thirds.ranks);
    free(others.ranks);
}

static void ranges(void)
{
    int range[2][3] = {{size - 1, 0, -2}, {0, size - 1, size + 1}};
    struct set taken = empty(), rest = empty();
    for (int i = size - 1; i >= 0; i -= 2) {
        add(&taken, i);
    }
    int count = has(taken, 0) ? 1 : 2;
    if (count == 2) {
        add(&taken, 0);
    }
    for (int i = 0; i < size; i++) {
        if (!has(taken, i)) {
            add(&rest, i);
        }
    }
    MPI_Group group;
    MPI_Group_range_incl(world, count, range, &group);
    expect(group, taken);
    MPI_Group_free(&group);
    MPI_Group_range_excl(world, count, range, &group);
    expect(group, rest);
    if (rest.count > 0) {
        MPI_Group_free(&group);
    }
    free(taken.ranks);
    free(rest.ranks);
}

static void translations(void)
{
    struct set evens = multiples(2, 1), thirds = multiples(3, 0);
    MPI_Group a = group_of(evens), b = group_of(thirds);
    int *from = memory((size_t)(evens.count + 1) * sizeof *from);
    int *to = memory((size_t)(evens.count + 1) * sizeof *to);
    for (int i = 0; i < evens.count; i++) {
        from[i] = i;
    }
    from[evens.count] = MPI_PROC_NULL;
    MPI_Group_translate_ranks(a, evens.count + 1, from, b, to);
    for (int i = 0; i < evens.count; i++) {
        EQUAL(to[i], evens.ranks[i] % 3 == 0 ? evens.ranks[i] / 3 : MPI_UNDEFINED);
    }
    EQUAL(to[evens.count], MPI_PROC_NULL);
    MPI_Group_free(&a);
    MPI_Group_free(&b);
    free(from);
    free(to);
    free(evens.ranks);
    free(thirds.ranks);
}

static void nobody(void)
{
    int count = -1, mine = -1, comparison = -1;
    MPI_Group_size(MPI_GROUP_EMPTY, &count);
    EQUAL(count, 0);
    MPI_Group_rank(MPI_GROUP_EMPTY, &mine);
    EQUAL(mine, MPI_UNDEFINED);
    MPI_Group none;
    MPI_Group_incl(world, 0, NULL, &none);
    MPI_Group_compare(none, MPI_GROUP_EMPTY, &comparison);
    EQUAL(comparison, MPI_IDENT);
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    MPI_Comm_group(MPI_COMM_WORLD, &world);
    all_operations();
    passed("all operations");
    leaving_out();
    passed("leaving out");
    ranges();
    passed("ranges");
    translations();
    passed("translations");
    nobody();
    passed("nobody");
    MPI_Group_free(&world);
    return end();
}
