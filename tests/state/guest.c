/*
 * Does with state what its input says: commands, each on a line or behind a `;`. Bytes
 * that are not printable are shown as dots. SLOT numbers the mapped pointers.
 */
#define _GNU_SOURCE
#include <faasm/faasm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *rest; /* what was not read of the present command */
static volatile uint8_t *mapped[16];
static unsigned int calls[256];
static int call_count, returned = -1;

static char *word(void)
{
    char *next = strsep(&rest, " ");
    return next ? next : "";
}

static long number(void)
{
    return strtol(word(), NULL, 0);
}

static void show(const volatile uint8_t *bytes, long length)
{
    for (long i = 0; i < length; i++) putchar(bytes[i] > ' ' && bytes[i] < 127 ? bytes[i] : '.');
    putchar('\n');
}

static char *filled(long length, int byte)
{
    if (length < 0) length = 0; /* what is wrong is for the host to say */
    char *bytes = malloc(length + 1);
    memset(bytes, byte, length);
    return bytes;
}

/* ---- Copies ---- */

static void size(void) { printf("%zu\n", faasmReadStateSize(word())); }

static void read_value(void) /* KEY LENGTH: the size and the bytes */
{
    char *key = word();
    long length = number();
    uint8_t *bytes = (uint8_t *)filled(length, '?');
    printf("%ld ", faasmReadState(key, bytes, length));
    show(bytes, length);
    free(bytes);
}

static void read_at(void) /* KEY TOTAL OFFSET LENGTH */
{
    char *key = word();
    long total = number(), offset = number(), length = number();
    uint8_t *bytes = (uint8_t *)filled(length, '?');
    faasmReadStateOffset(key, total, offset, bytes, length);
    show(bytes, length);
    free(bytes);
}

static void copy(void) /* KEY LENGTH: the last byte */
{
    char *key = word();
    long length = number();
    uint8_t *bytes = (uint8_t *)filled(length, '?');
    faasmReadState(key, bytes, length);
    show(bytes + length - 1, 1);
    free(bytes);
}

static void write_value(void) /* KEY TEXT */
{
    char *key = word(), *text = word();
    faasmWriteState(key, text, strlen(text));
}

static void write_long(void) /* KEY LENGTH BYTE */
{
    char *key = word();
    long length = number();
    char *bytes = filled(length, *word());
    faasmWriteState(key, bytes, length);
    free(bytes);
}

static void write_at(void) /* KEY TOTAL OFFSET TEXT */
{
    char *key = word();
    long total = number(), offset = number();
    char *text = word();
    faasmWriteStateOffset(key, total, offset, text, strlen(text));
}

static void write_file(void) /* KEY LENGTH BYTE: through a file; its size */
{
    char *key = word();
    long length = number();
    char *bytes = filled(length, *word());
    FILE *file = fopen("/tmp/value", "w");
    fwrite(bytes, 1, length, file);
    fclose(file);
    free(bytes);
    printf("%lu\n", faasmWriteStateFromFile(key, "/tmp/value"));
}

/* ---- Mappings ---- */

static void map(void) /* SLOT KEY TOTAL */
{
    long slot = number();
    char *key = word();
    mapped[slot] = faasmReadStatePtr(key, number());
}

static void map_at(void) /* SLOT KEY TOTAL OFFSET LENGTH */
{
    long slot = number();
    char *key = word();
    long total = number(), offset = number();
    mapped[slot] = faasmReadStateOffsetPtr(key, total, offset, number());
}

static void load(void) /* SLOT OFFSET LENGTH */
{
    volatile uint8_t *bytes = mapped[number()] + number();
    show(bytes, number());
}

static void store(void) /* SLOT OFFSET LENGTH BYTE */
{
    volatile uint8_t *bytes = mapped[number()];
    long offset = number(), length = number();
    int byte = *word();
    for (long i = 0; i < length; i++) bytes[offset + i] = byte;
}

static void all(void) /* SLOT LENGTH BYTE: fails unless all bytes are this one */
{
    volatile uint8_t *bytes = mapped[number()];
    long length = number();
    int byte = *word();
    for (long i = 0; i < length; i++) {
        if (bytes[i] == byte) continue;
        printf("%x at byte %ld\n", bytes[i], i);
        exit(9);
    }
}

static void distance(void) /* SLOT SLOT */
{
    volatile uint8_t *first = mapped[number()];
    printf("%ld\n", (long)(mapped[number()] - first));
}

static void until(void) /* SLOT OFFSET BYTE: computes, and calls nobody, until it is there */
{
    volatile uint8_t *bytes = mapped[number()];
    long offset = number();
    uint8_t byte = *word();
    while (bytes[offset] != byte) {}
}

static void map_many(void) /* KEY TOTAL STEP COUNT: one byte each */
{
    char *key = word();
    long total = number(), step = number(), count = number();
    for (long i = 0; i < count; i++) *faasmReadStateOffsetPtr(key, total, i * step, 1) += 1;
}

/* ---- Lists and the global tier ---- */

static void append(void) /* KEY TEXT */
{
    char *key = word(), *text = word();
    faasmAppendState(key, text, strlen(text));
}

static void list(void) /* KEY LENGTH COUNT */
{
    char *key = word();
    long length = number();
    uint8_t *bytes = (uint8_t *)filled(length, '?');
    faasmReadAppendedState(key, bytes, length, number());
    show(bytes, length);
    free(bytes);
}

static void clear(void) { faasmClearAppendedState(word()); }
static void push(void) { faasmPushState(word()); }
static void partial(void) { faasmPushStatePartial(word()); }

static void mask(void) /* KEY MASK_KEY */
{
    char *key = word();
    faasmPushStatePartialMask(key, word());
}

static void pull(void) /* KEY LENGTH */
{
    char *key = word();
    faasmPullState(key, number());
}

static void dirty(void) /* KEY TOTAL */
{
    char *key = word();
    faasmFlagStateDirty(key, number());
}

static void dirty_at(void) /* KEY TOTAL OFFSET LENGTH */
{
    char *key = word();
    long total = number(), offset = number();
    faasmFlagStateOffsetDirty(key, total, offset, number());
}

static void mark(void) /* KEY: for the test to see */
{
    char *key = word();
    faasmWriteState(key, "!", 1);
    faasmPushState(key);
}

/* ---- Locks ---- */

static void lock_read(void) { faasmLockStateRead(word()); }
static void unlock_read(void) { faasmUnlockStateRead(word()); }
static void lock_write(void) { faasmLockStateWrite(word()); }
static void unlock_write(void) { faasmUnlockStateWrite(word()); }
static void lock_global(void) { faasmLockStateGlobal(word()); }
static void unlock_global(void) { faasmUnlockStateGlobal(word()); }

static void count(void) /* KEY: adds 1 to a number, under the write lock, and takes its time */
{
    char *key = word();
    faasmLockStateWrite(key);
    volatile long *counter = (volatile long *)faasmReadStatePtr(key, sizeof *counter);
    long seen = *counter;
    usleep(1000);
    *counter = seen + 1;
    faasmUnlockStateWrite(key);
}

/* ---- The call itself ---- */

static void nap(void) { usleep(1000 * number()); }
static void trap(void) { __builtin_trap(); }
static void leave(void) { exit(number()); }
static void give(void) { returned = number(); }
static void spin(void) { for (volatile int i = 0;; i++) {} }

static void chain(void) /* FUNCTION SCRIPT, with | for ; */
{
    char *function = word();
    for (char *bar; (bar = strchr(rest, '|'));) *bar = ';';
    calls[call_count++] = faasmChainNamed(function, rest, strlen(rest));
    rest = NULL;
}

static void await(void) /* the last one chained */
{
    printf("%d\n", faasmAwaitCall(calls[call_count - 1]));
}

static void await_all(void) /* all that were chained; prints what they returned */
{
    for (int i = 0; i < call_count; i++) printf("%d ", faasmAwaitCall(calls[i]));
    puts("");
}

static void gate(void) /* KEY: sleeps until its one byte is a 1 */
{
    char *key = word(), open = 0;
    do {
        usleep(10000);
        faasmPullState(key, 1);
        faasmReadState(key, (uint8_t *)&open, 1);
    } while (open != '1');
}

static void claim(void) /* LENGTH BYTE: takes memory and fills it */
{
    long length = number();
    volatile char *bytes = filled(length, *word());
    bytes[length - 1] = bytes[0];
}

static void grow(void) /* PAGES */
{
    __builtin_wasm_memory_grow(0, number());
}

static void fresh(void) /* PAGES BYTE: fails unless new memory is zeros; fills it */
{
    long pages = number();
    uint64_t *memory = (uint64_t *)(__builtin_wasm_memory_grow(0, pages) << 16);
    long words = pages << 13;
    for (long i = 0; i < words; i++) {
        if (memory[i] == 0) continue;
        printf("%llx at word %ld\n", memory[i], i);
        exit(9);
    }
    memset(memory, *word(), pages << 16);
}

static const struct {
    const char *name;
    void (*run)(void);
} commands[] = {
    {"size", size}, {"read", read_value}, {"readat", read_at}, {"copy", copy},
    {"write", write_value},
    {"long", write_long}, {"writeat", write_at}, {"file", write_file}, {"map", map},
    {"mapat", map_at}, {"load", load}, {"store", store}, {"all", all}, {"distance", distance},
    {"until", until}, {"mapmany", map_many}, {"append", append}, {"list", list},
    {"clear", clear}, {"push", push}, {"partial", partial}, {"mask", mask}, {"pull", pull},
    {"dirty", dirty}, {"dirtyat", dirty_at}, {"mark", mark}, {"rlock", lock_read},
    {"runlock", unlock_read}, {"wlock", lock_write}, {"wunlock", unlock_write},
    {"glock", lock_global}, {"gunlock", unlock_global}, {"count", count}, {"nap", nap},
    {"trap", trap}, {"exit", leave}, {"return", give}, {"spin", spin}, {"chain", chain},
    {"await", await}, {"awaitall", await_all}, {"gate", gate}, {"claim", claim}, {"grow", grow}, {"fresh", fresh},
};

static void run(char *command)
{
    rest = command;
    rest += strspn(rest, " ");
    char *name = word();
    if (!*name) return;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0) return commands[i].run();
    }
    printf("no command %s\n", name);
    exit(99);
}

int main(void)
{
    static char script[64 << 10];
    faasmGetInput(script, sizeof script - 1);
    char *commands = script;
    for (char *next; returned < 0 && (next = strsep(&commands, ";\n"));) run(next);
    return returned > 0 ? returned : 0;
}
