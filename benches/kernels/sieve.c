/* Counts primes by crossing out multiples, a byte a number; the array is larger than
 * caches are. */
#include "kernel.h"

#include <string.h>

enum { N = 50000000 };

static char crossed_out[N];

double kernel(void)
{
    memset(crossed_out, 0, sizeof crossed_out);
    for (int i = 2; i * i < N; i++) {
        if (!crossed_out[i]) {
            for (int j = i * i; j < N; j += i) {
                crossed_out[j] = 1;
            }
        }
    }
    int primes = 0;
    for (int i = 2; i < N; i++) {
        primes += !crossed_out[i];
    }
    return primes;
}
