/* What the state benchmark measures from inside a function. The input names the figure;
 * the output is one number a line, nanoseconds unless said otherwise. */
#include <faasm/faasm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static int64_t map(const char *key, long size, uint8_t **value)
{
    int64_t begun = now();
    *value = faasmReadStatePtr(key, size);
    return now() - begun;
}

/* Eight sums, so that neither the loop's check nor its additions are what is measured. */
static uint64_t sum(const uint64_t *words, long count)
{
    uint64_t sums[8] = {0};
    for (long i = 0; i < count; i += 32) {
#pragma clang loop unroll(full)
        for (int j = 0; j < 32; j++) {
            sums[j & 7] += words[i + j];
        }
    }
    uint64_t all = 0;
    for (int j = 0; j < 8; j++) {
        all += sums[j];
    }
    return all;
}

int main(void)
{
    char what[16] = {0};
    faasmGetInput(what, sizeof what - 1);
    uint8_t *value;
    if (strcmp(what, "map") == 0) {
        /* A first mapping warms up what belongs to the call, not to a mapping. */
        map("tiny", 4096, &value);
        printf("%lld\n", (long long)map("small", 1 << 20, &value));
        printf("%lld\n", (long long)map("large", 1 << 30, &value));
    } else if (strcmp(what, "fault") == 0) {
        enum { CHUNK = 61440, COUNT = 16 };
        map("small", 1 << 20, &value);
        int64_t begun = now();
        for (int i = 0; i < COUNT; i++) {
            value[i * CHUNK] += 1;
        }
        printf("%lld\n", (long long)((now() - begun) / COUNT));
    } else if (strcmp(what, "read") == 0) {
        enum { COUNT = 20000 };
        uint8_t bytes[64];
        int64_t begun = now();
        for (int i = 0; i < COUNT; i++) {
            __faasm_read_state("word", bytes, sizeof bytes);
        }
        printf("%lld\n", (long long)((now() - begun) / COUNT));
    } else if (strcmp(what, "sum") == 0) {
        enum { BYTES = 256 << 20 };
        map("matrix", BYTES, &value);
        uint64_t all = sum((const uint64_t *)value, BYTES / 8);
        int64_t begun = now();
        all += sum((const uint64_t *)value, BYTES / 8);
        printf("%lld\n", (long long)(now() - begun));
        printf("%llu\n", (unsigned long long)all);
    } else if (strcmp(what, "touch-small") == 0) {
        map("small", 1 << 20, &value);
        value[1000] += 1;
    } else if (strcmp(what, "touch-large") == 0) {
        map("large", 1 << 30, &value);
        value[500000000] += 1;
    } else if (strcmp(what, "look") == 0) {
        map("small", 1 << 20, &value);
        printf("%d\n", value[1000]);
    }
    return 0;
}
