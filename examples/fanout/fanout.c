/*
 * Fan-out and fan-in: starts N calls of a function of this program, each in a Faaslet of
 * its own, and adds up what they answer. Each call gets its number as input and answers
 * with the square of it. N is the input, 10 without one.
 *
 *     faasm invoke demo fanout -i 100       prints: the squares of 1 to 100 add up to 338350
 */
#include <errno.h>
#include <faasm/faasm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CALLS 10
#define MOST_CALLS 100000

/* Runs in the callee: a fresh memory that knows only its input. */
static int square(void)
{
    int32_t number = 0;
    faasmGetInput(&number, sizeof number);
    int64_t result = (int64_t)number * number;
    faasmSetOutput(&result, sizeof result);
    return 0;
}

/* The number of calls to make; 0 if the input is no number in range. */
static int32_t wanted_calls(void)
{
    char text[16] = {0};
    if (faasmGetInputSize() == 0) {
        return DEFAULT_CALLS;
    }
    faasmGetInput(text, sizeof text - 1);
    char *end = text;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (errno != 0 || end == text || number < 1 || number > MOST_CALLS) {
        return 0;
    }
    return (int32_t)number;
}

/* Waits for one call and adds its answer to `sum`. */
static bool collect(unsigned int call, int64_t *sum)
{
    char *output = NULL;
    int length = 0;
    int64_t result = 0;
    int status = faasmAwaitCallOutput(call, &output, &length);
    bool good = status == 0 && length == (int)sizeof result;
    if (good) {
        memcpy(&result, output, sizeof result);
        *sum += result;
    }
    free(output);
    return good;
}

int main(void)
{
    int32_t count = wanted_calls();
    if (count == 0) {
        fprintf(stderr, "the input is the number of calls to make, 1 to %d\n", MOST_CALLS);
        return 1;
    }
    unsigned int *calls = calloc((size_t)count, sizeof *calls);
    if (calls == NULL) {
        return 1;
    }
    for (int32_t i = 0; i < count; i++) {
        int32_t number = i + 1;
        calls[i] = faasmChain(square, &number, sizeof number);
    }
    int64_t sum = 0;
    int32_t failed = 0;
    for (int32_t i = 0; i < count; i++) {
        if (!collect(calls[i], &sum)) {
            failed++;
        }
    }
    free(calls);
    if (failed > 0) {
        fprintf(stderr, "%d of %d calls failed\n", (int)failed, (int)count);
        return 1;
    }
    printf("the squares of 1 to %d add up to %lld\n", (int)count, (long long)sum);
    return 0;
}
