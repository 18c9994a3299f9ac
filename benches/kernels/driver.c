/* Runs a kernel; prints the nanoseconds and the result of each run. The first run finds
 * memory and caches cold. */
#include "kernel.h"

#include <stdio.h>
#include <time.h>

static long long now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

int main(void)
{
    for (int run = 0; run < 2; run++) {
        long long begun = now();
        double result = kernel();
        printf("%lld %.17g\n", now() - begun, result);
    }
    return 0;
}
