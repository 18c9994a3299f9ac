/*
 * Derived types: what they are, and that a message of one is the bytes that its map of offsets
 * names, in that order. Each is sent to oneself as it is and received as plain numbers, and the
 * other way round.
 */
#include <stddef.h>

#include "check.h"

enum { ROOM = 4096 };

/* Where the numbers of one element of a type are, in ints, in the order of the type. */
struct map {
    int count;
    int offsets[512];
    /* Of the next element, in ints. */
    int extent;
};

/* Sends `count` elements of `type` to oneself, once gathering and once scattering. */
static void travels(MPI_Datatype type, const struct map *map, int count)
{
    int *spread = memory(ROOM * sizeof *spread), *plain = memory(ROOM * sizeof *plain);
    int total = map->count * count, size_in_bytes = -1, got = -1;
    MPI_Status status;
    MPI_Type_size(type, &size_in_bytes);
    EQUAL(size_in_bytes, map->count * (int)sizeof(int));
    fill(spread, ROOM, rank);
    MPI_Sendrecv(spread, count, type, rank, 1, plain, ROOM, MPI_INT, rank, 1, MPI_COMM_WORLD,
                 &status);
    MPI_Get_count(&status, MPI_INT, &got);
    EQUAL(got, total);
    for (int i = 0; i < total; i++) {
        int place = i / map->count * map->extent + map->offsets[i % map->count];
        EQUAL(plain[i], value(rank, place));
    }
    memset(spread, 0xff, ROOM * sizeof *spread);
    fill(plain, total, rank + 1);
    MPI_Sendrecv(plain, total, MPI_INT, rank, 2, spread, count, type, rank, 2, MPI_COMM_WORLD,
                 &status);
    MPI_Get_count(&status, type, &got);
    EQUAL(got, count);
    for (int i = 0; i < total; i++) {
        int place = i / map->count * map->extent + map->offsets[i % map->count];
        EQUAL(spread[place], value(rank + 1, i));
        spread[place] = -1;
    }
    for (int i = 0; i < ROOM; i++) {
        EQUAL(spread[i], -1);
    }
    free(spread);
    free(plain);
}

/* The type has just this map; it is freed. */
static void expect(MPI_Datatype type, const struct map *map, int lower_bound)
{
    MPI_Aint lower = -1, extent = -1, true_lower = -1, true_extent = -1;
    MPI_Type_commit(&type);
    MPI_Type_get_extent(type, &lower, &extent);
    EQUAL(lower, lower_bound * (int)sizeof(int));
    EQUAL(extent, map->extent * (int)sizeof(int));
    int first = map->offsets[0], last = map->offsets[0];
    for (int i = 1; i < map->count; i++) {
        first = map->offsets[i] < first ? map->offsets[i] : first;
        last = map->offsets[i] > last ? map->offsets[i] : last;
    }
    MPI_Type_get_true_extent(type, &true_lower, &true_extent);
    EQUAL(true_lower, first * (int)sizeof(int));
    EQUAL(true_extent, (last - first + 1) * (int)sizeof(int));
    travels(type, map, 1);
    travels(type, map, 3);
    MPI_Datatype copy;
    MPI_Type_dup(type, &copy);
    MPI_Type_free(&type);
    CHECK(type == MPI_DATATYPE_NULL);
    travels(copy, map, 2);
    MPI_Type_free(&copy);
}

static void add(struct map *map, int offset)
{
    map->offsets[map->count++] = offset;
}

static void rows(void)
{
    MPI_Datatype type;
    struct map map = {.extent = 7};
    for (int i = 0; i < 7; i++) {
        add(&map, i);
    }
    MPI_Type_contiguous(7, MPI_INT, &type);
    expect(type, &map, 0);
}

static void vectors(void)
{
    for (int length = 1; length < 4; length++) {
        MPI_Datatype type;
        struct map map = {.extent = 4 * 6 + length};
        for (int i = 0; i < 5; i++) {
            for (int j = 0; j < length; j++) {
                add(&map, 6 * i + j);
            }
        }
        MPI_Type_vector(5, length, 6, MPI_INT, &type);
        expect(type, &map, 0);
        MPI_Type_create_hvector(5, length, 6 * (int)sizeof(int), MPI_INT, &type);
        expect(type, &map, 0);
    }
}

static void indexed(void)
{
    /* Not in the order of their places, and with an empty one. */
    int lengths[] = {2, 0, 3, 1}, places[] = {10, 90, 2, 20};
    MPI_Aint bytes[4];
    MPI_Datatype type;
    struct map map = {.extent = 21 - 2};
    for (int i = 0; i < 4; i++) {
        bytes[i] = places[i] * (int)sizeof(int);
        for (int j = 0; j < lengths[i]; j++) {
            add(&map, places[i] + j);
        }
    }
    MPI_Type_indexed(4, lengths, places, MPI_INT, &type);
    expect(type, &map, 2);
    MPI_Type_create_hindexed(4, lengths, bytes, MPI_INT, &type);
    expect(type, &map, 2);
    struct map blocks = {.extent = 92 - 2};
    for (int i = 0; i < 4; i++) {
        add(&blocks, places[i]);
        add(&blocks, places[i] + 1);
    }
    MPI_Type_create_indexed_block(4, 2, places, MPI_INT, &type);
    expect(type, &blocks, 2);
    MPI_Type_create_hindexed_block(4, 2, bytes, MPI_INT, &type);
    expect(type, &blocks, 2);
}

/* Columns of a matrix, one after another. */
static void resized(void)
{
    MPI_Datatype column, type;
    struct map map = {.extent = 1};
    for (int i = 0; i < 8; i++) {
        add(&map, 5 * i);
    }
    MPI_Type_vector(8, 1, 5, MPI_INT, &column);
    MPI_Type_create_resized(column, 0, sizeof(int), &type);
    MPI_Type_free(&column);
    expect(type, &map, 0);
}

static void nested(void)
{
    MPI_Datatype pair, two, type;
    int lengths[] = {1, 2}, places[] = {0, 2};
    MPI_Type_vector(2, 1, 3, MPI_INT, &pair);
    MPI_Type_create_resized(pair, 0, 5 * sizeof(int), &two);
    MPI_Type_free(&pair);
    MPI_Type_indexed(2, lengths, places, two, &type);
    MPI_Type_free(&two);
    struct map map = {.extent = 20};
    static const int starts[] = {0, 10, 15};
    for (int i = 0; i < 3; i++) {
        add(&map, starts[i]);
        add(&map, starts[i] + 3);
    }
    expect(type, &map, 0);
}

struct particle {
    char kind;
    double place[3];
    short charge;
    int neighbours[4];
};

static struct particle particle_of(int number)
{
    struct particle particle;
    memset(&particle, 0xee, sizeof particle);
    particle.kind = (char)('a' + number % 26);
    particle.charge = (short)(number - 3);
    for (int i = 0; i < 3; i++) {
        particle.place[i] = number * 0.5 + i;
    }
    for (int i = 0; i < 4; i++) {
        particle.neighbours[i] = number * 10 + i;
    }
    return particle;
}

static int is_same(const struct particle *one, const struct particle *other)
{
    return one->kind == other->kind && one->charge == other->charge &&
           memcmp(one->place, other->place, sizeof one->place) == 0 &&
           memcmp(one->neighbours, other->neighbours, sizeof one->neighbours) == 0;
}

/* What is between the members stays as it was. */
static void structures(void)
{
    enum { COUNT = 500 };
    int lengths[] = {1, 3, 1, 4};
    MPI_Aint places[] = {offsetof(struct particle, kind), offsetof(struct particle, place),
                         offsetof(struct particle, charge),
                         offsetof(struct particle, neighbours)};
    MPI_Datatype types[] = {MPI_CHAR, MPI_DOUBLE, MPI_SHORT, MPI_INT}, type, sized;
    MPI_Type_create_struct(4, lengths, places, types, &type);
    MPI_Type_create_resized(type, 0, sizeof(struct particle), &sized);
    MPI_Type_free(&type);
    MPI_Type_commit(&sized);
    int bytes = -1, got = -1, right = (rank + 1) % size, left = (rank + size - 1) % size;
    MPI_Type_size(sized, &bytes);
    EQUAL(bytes, 1 + 3 * 8 + 2 + 4 * 4);
    struct particle *out = memory(COUNT * sizeof *out), *in = memory(COUNT * sizeof *in);
    for (int i = 0; i < COUNT; i++) {
        out[i] = particle_of(rank + i);
    }
    memset(in, 0x11, COUNT * sizeof *in);
    MPI_Status status;
    MPI_Sendrecv(out, COUNT, sized, right, 1, in, COUNT, sized, left, 1, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, sized, &got);
    EQUAL(got, COUNT);
    MPI_Get_elements(&status, sized, &got);
    EQUAL(got, COUNT * 9);
    for (int i = 0; i < COUNT; i++) {
        struct particle expected = particle_of(left + i);
        CHECK(is_same(&in[i], &expected));
        EQUAL(((unsigned char *)&in[i])[1], 0x11);
    }
    /* A part of an element: its basic parts are counted. */
    MPI_Sendrecv("x", 1, MPI_CHAR, right, 2, in, 1, sized, left, 2, MPI_COMM_WORLD, &status);
    MPI_Get_count(&status, sized, &got);
    EQUAL(got, MPI_UNDEFINED);
    MPI_Get_elements(&status, sized, &got);
    EQUAL(got, 1);
    MPI_Type_free(&sized);
    free(out);
    free(in);
}

/* Addresses that are not relative to a buffer. */
static void absolute(void)
{
    int first = value(rank, 1), second = value(rank, 2), got[2] = {0, 0};
    int lengths[] = {1, 1};
    MPI_Aint places[2];
    MPI_Datatype types[] = {MPI_INT, MPI_INT}, type;
    MPI_Get_address(&first, &places[0]);
    MPI_Get_address(&second, &places[1]);
    EQUAL(MPI_Aint_add(places[0], MPI_Aint_diff(places[1], places[0])), places[1]);
    MPI_Type_create_struct(2, lengths, places, types, &type);
    MPI_Type_commit(&type);
    MPI_Sendrecv(MPI_BOTTOM, 1, type, rank, 0, got, 2, MPI_INT, rank, 0, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE);
    EQUAL(got[0], value(rank, 1));
    EQUAL(got[1], value(rank, 2));
    MPI_Type_free(&type);
}

static void sizes(void)
{
    static const struct {
        MPI_Datatype type;
        size_t size, extent;
    } *cases, all[] = {
        {MPI_CHAR, 1, 1},
        {MPI_SHORT, sizeof(short), sizeof(short)},
        {MPI_INT, sizeof(int), sizeof(int)},
        {MPI_LONG, sizeof(long), sizeof(long)},
        {MPI_LONG_LONG, 8, 8},
        {MPI_FLOAT, 4, 4},
        {MPI_DOUBLE, 8, 8},
        {MPI_LONG_DOUBLE, sizeof(long double), sizeof(long double)},
        {MPI_C_DOUBLE_COMPLEX, 16, 16},
        {MPI_AINT, sizeof(MPI_Aint), sizeof(MPI_Aint)},
        {MPI_OFFSET, sizeof(MPI_Offset), sizeof(MPI_Offset)},
        {MPI_WCHAR, sizeof(wchar_t), sizeof(wchar_t)},
        {MPI_C_BOOL, 1, 1},
        {MPI_BYTE, 1, 1},
        {MPI_2INT, 8, 8},
        {MPI_SHORT_INT, 6, 8},
        {MPI_DOUBLE_INT, 12, 16},
        {MPI_LONG_DOUBLE_INT, sizeof(long double) + 4, 2 * sizeof(long double)},
    };
    cases = all;
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        MPI_Aint lower, extent;
        int bytes = -1;
        MPI_Type_size(cases[i].type, &bytes);
        EQUAL(bytes, cases[i].size);
        MPI_Type_get_extent(cases[i].type, &lower, &extent);
        EQUAL(lower, 0);
        EQUAL(extent, cases[i].extent);
    }
}

int main(int argc, char **argv)
{
    begin(&argc, &argv);
    sizes();
    passed("sizes");
    rows();
    passed("rows");
    vectors();
    passed("vectors");
    indexed();
    passed("indexed");
    resized();
    passed("resized");
    nested();
    passed("nested");
    structures();
    passed("structures");
    absolute();
    passed("absolute");
    return end();
}
