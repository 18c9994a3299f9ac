/* Derived types, and memory for their elements. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes before and behind, which nobody may touch. */
enum { MARGIN = 32 };

/* Those whose size is the same on every machine. */
MPI_Datatype types[MOST_TYPES];
int type_count;

void name_basic_types(void)
{
    const MPI_Datatype basic[BASIC_TYPES] = {
        MPI_BYTE,     MPI_CHAR,     MPI_INT8_T,   MPI_UINT8_T, MPI_INT16_T,
        MPI_UINT16_T, MPI_INT,      MPI_UINT32_T, MPI_INT64_T, MPI_UINT64_T,
        MPI_FLOAT,    MPI_DOUBLE,   MPI_2INT,     MPI_C_DOUBLE_COMPLEX,
    };
    memcpy(types, basic, sizeof basic);
    type_count = BASIC_TYPES;
}

static MPI_Aint *addresses(const int *from, int count)
{
    MPI_Aint *all = malloc((size_t)(count + 1) * sizeof *all);
    if (all == NULL) {
        fail("no memory");
    }
    for (int i = 0; i < count; i++) {
        all[i] = from[i];
    }
    return all;
}

static MPI_Datatype old_type(void)
{
    return types[number()];
}

static MPI_Datatype regular(int kind)
{
    MPI_Datatype made;
    int count = (int)number(), length = 0, stride = 0;
    if (kind > 0) {
        length = (int)number();
        stride = (int)number();
    }
    if (kind == 0) {
        MPI_Type_contiguous(count, old_type(), &made);
    } else if (kind == 1) {
        MPI_Type_vector(count, length, stride, old_type(), &made);
    } else {
        MPI_Type_create_hvector(count, length, stride, old_type(), &made);
    }
    return made;
}

static MPI_Datatype irregular(int kind)
{
    MPI_Datatype made;
    int count = (int)number();
    int *lengths = numbers(count), *places = numbers(count);
    MPI_Aint *bytes = addresses(places, count);
    if (kind == 3) {
        MPI_Type_indexed(count, lengths, places, old_type(), &made);
    } else if (kind == 4) {
        MPI_Type_create_hindexed(count, lengths, bytes, old_type(), &made);
    } else if (kind == 5) {
        MPI_Type_create_indexed_block(count, lengths[0], places, old_type(), &made);
    } else if (kind == 6) {
        MPI_Type_create_hindexed_block(count, lengths[0], bytes, old_type(), &made);
    } else {
        int *old = numbers(count);
        MPI_Datatype *members = malloc((size_t)(count + 1) * sizeof *members);
        if (members == NULL) {
            fail("no memory");
        }
        for (int i = 0; i < count; i++) {
            members[i] = types[old[i]];
        }
        MPI_Type_create_struct(count, lengths, bytes, members, &made);
        free(members);
        free(old);
    }
    free(lengths);
    free(places);
    free(bytes);
    return made;
}

void make_type(void)
{
    static const char *const kinds[] = {"contiguous", "vector",  "hvector", "indexed",
                                        "hindexed",   "block",   "hblock",  "struct",
                                        "resized",    "dup",     NULL};
    int kind = one_of(kinds), size;
    MPI_Datatype made;
    MPI_Aint lower, extent, true_lower, true_extent;
    if (kind < 3) {
        made = regular(kind);
    } else if (kind < 8) {
        made = irregular(kind);
    } else if (kind == 8) {
        lower = (MPI_Aint)number();
        extent = (MPI_Aint)number();
        MPI_Type_create_resized(old_type(), lower, extent, &made);
    } else {
        MPI_Type_dup(old_type(), &made);
    }
    MPI_Type_commit(&made);
    types[type_count++] = made;
    MPI_Type_size(made, &size);
    MPI_Type_get_extent(made, &lower, &extent);
    MPI_Type_get_true_extent(made, &true_lower, &true_extent);
    note("type of %d bytes, truly %ld from %ld", size, (long)true_extent, (long)true_lower);
    /* Where a structure does not begin at its alignment, Open MPI pads it by more than the standard
       says. */
    if (kind != 7) {
        note("extent %ld from %ld", (long)extent, (long)lower);
    }
}

struct buffer buffer_of(int count, MPI_Datatype type, int is_random)
{
    MPI_Aint lower, extent, first, span;
    MPI_Type_get_extent(type, &lower, &extent);
    MPI_Type_get_true_extent(type, &first, &span);
    MPI_Aint others = count > 0 ? (count - 1) * extent : 0;
    struct buffer buffer = {.length = (size_t)(span + others) + 2 * MARGIN};
    buffer.memory = malloc(buffer.length);
    if (buffer.memory == NULL) {
        fail("no memory");
    }
    memset(buffer.memory, 0xa5, buffer.length);
    for (size_t i = 0; is_random && i < buffer.length; i++) {
        buffer.memory[i] = (unsigned char)(random_number() >> 40);
    }
    buffer.start = buffer.memory + MARGIN - first;
    return buffer;
}

uint64_t end_of(struct buffer *buffer)
{
    uint64_t hash = hash_of(buffer->memory, buffer->length);
    free(buffer->memory);
    buffer->memory = NULL;
    learn(hash);
    return hash;
}

void pack_and_unpack(void)
{
    MPI_Datatype type = old_type();
    int count = (int)number(), room = 0, position = 0, length;
    struct buffer from = buffer_of(count, type, 1), to = buffer_of(count, type, 0);
    MPI_Pack_size(count, type, MPI_COMM_WORLD, &room);
    unsigned char *packed = malloc((size_t)room + 1);
    if (packed == NULL) {
        fail("no memory");
    }
    MPI_Pack(from.start, count, type, packed, room, &position, MPI_COMM_WORLD);
    length = position;
    position = 0;
    MPI_Unpack(packed, length, &position, to.start, count, type, MPI_COMM_WORLD);
    uint64_t hash = hash_of(packed, (size_t)length);
    end_of(&from);
    note("packed %d bytes %016llx unpacked %d %016llx", length, (unsigned long long)hash, position,
         (unsigned long long)end_of(&to));
    free(packed);
}
