/* Reads the script, and does what it says. */
#include "script.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int rank;
MPI_Comm comms[MOST_COMMS];
int comm_count = 1;

static char *text;
static const char *cursor;
static int line = 1;
static uint64_t state;

void fail(const char *what)
{
    fprintf(stderr, "line %d: rank %d: %s\n", line, rank, what);
    MPI_Abort(MPI_COMM_WORLD, 9);
    exit(9);
}

const char *word(void)
{
    static char copy[32];
    size_t length;
    cursor += strspn(cursor, " ");
    length = strcspn(cursor, " \n");
    if (length == 0 || length >= sizeof copy) {
        fail("the line is too short, or a word of it too long");
    }
    memcpy(copy, cursor, length);
    copy[length] = '\0';
    cursor += length;
    return copy;
}

long number(void)
{
    char *end;
    const char *digits = word();
    long value = strtol(digits, &end, 10);
    if (*end != '\0') {
        fail(digits);
    }
    return value;
}

int *numbers(int count)
{
    int *all = malloc((size_t)(count + 1) * sizeof *all);
    if (all == NULL) {
        fail("no memory");
    }
    for (int i = 0; i < count; i++) {
        all[i] = (int)number();
    }
    return all;
}

int one_of(const char *const *names)
{
    const char *name = word();
    for (int i = 0; names[i] != NULL; i++) {
        if (strcmp(names[i], name) == 0) {
            return i;
        }
    }
    fail(name);
    return -1;
}

void note(const char *format, ...)
{
    char said[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    /* One write, so that lines of ranks do not mix. */
    printf("%d %d %s\n", line, rank, said);
    fflush(stdout);
}

void learn(uint64_t what)
{
    state = (state ^ what) * 0x9e3779b97f4a7c15u + 1;
}

uint64_t random_number(void)
{
    state += 0x9e3779b97f4a7c15u;
    uint64_t mixed = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebu;
    return mixed ^ (mixed >> 31);
}

uint64_t hash_of(const void *bytes, size_t length)
{
    const unsigned char *each = bytes;
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ each[i]) * 0x100000001b3u;
    }
    return hash;
}

/* Rank 0 alone has standard input everywhere. */
static void read_script(void)
{
    enum { MOST = 4 << 20 };
    int length = 0;
    text = malloc(MOST + 1);
    if (text == NULL) {
        fail("no memory");
    }
    if (rank == 0) {
        length = (int)fread(text, 1, MOST, stdin);
    }
    MPI_Bcast(&length, 1, MPI_INT, 0, MPI_COMM_WORLD);
    MPI_Bcast(text, length, MPI_CHAR, 0, MPI_COMM_WORLD);
    text[length] = '\0';
    cursor = text;
}

static void barrier(void)
{
    MPI_Comm comm = comms[number()];
    if (comm != MPI_COMM_NULL) {
        MPI_Barrier(comm);
    }
}

static void follow(void)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } operations[] = {
        {"type", make_type},       {"comm", make_comm},     {"free", free_comm},
        {"groups", show_groups},   {"grid", show_grid},     {"pack", pack_and_unpack},
        {"exchange", exchange},    {"shift", shift},        {"collective", collective},
        {"barrier", barrier},
    };
    while (*cursor != '\0') {
        const char *name = word();
        size_t i = 0, count = sizeof operations / sizeof *operations;
        while (i < count && strcmp(operations[i].name, name) != 0) {
            i++;
        }
        if (i == count) {
            fail(name);
        }
        operations[i].run();
        if (*cursor != '\n') {
            fail("the line is too long");
        }
        cursor++;
        line++;
    }
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    comms[0] = MPI_COMM_WORLD;
    learn((uint64_t)rank);
    name_basic_types();
    read_script();
    follow();
    note("end %016llx", (unsigned long long)random_number());
    MPI_Finalize();
    return 0;
}
