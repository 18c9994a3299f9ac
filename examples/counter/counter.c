/*
 * A counter in shared state. Every call adds one to it and prints the new count; however
 * many calls run at a time, each gets a number of its own.
 *
 *     faasm invoke demo counter       prints 1, then 2, then 3 …
 */
#include <faasm/faasm.h>
#include <stdio.h>

#define KEY "counter"

int main(void)
{
    /* Zero when it was never written. All calls on this server see these same bytes. */
    int64_t *counter = (int64_t *)faasmReadStatePtr(KEY, sizeof *counter);

    /* Adding is three steps (load, add, store): the lock keeps others from coming between. */
    faasmLockStateWrite(KEY);
    *counter += 1;
    int64_t count = *counter;
    faasmUnlockStateWrite(KEY);

    printf("%lld\n", (long long)count);
    return 0;
}
