/* How many bases of a strand can pair when it is folded: dynamic programming over all of
 * its stretches. */
#include "kernel.h"

enum { N = 1200 };

static int best[N][N];
static unsigned char base[N];

static int greater(int a, int b)
{
    return a > b ? a : b;
}

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        base[i] = (unsigned char)((i + 1) * (i / 7 + 3) % 4);
        for (int j = 0; j < N; j++) {
            best[i][j] = 0;
        }
    }
    for (int i = N - 1; i >= 0; i--) {
        for (int j = i + 1; j < N; j++) {
            int most = greater(best[i][j - 1], best[i + 1][j]);
            int pairs = i < j - 1 && base[i] + base[j] == 3;
            most = greater(most, best[i + 1][j - 1] + pairs);
            for (int k = i + 1; k < j; k++) {
                most = greater(most, best[i][k] + best[k + 1][j]);
            }
            best[i][j] = most;
        }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        sum += best[i][N - 1];
    }
    return sum;
}
