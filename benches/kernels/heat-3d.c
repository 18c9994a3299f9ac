/* Heat spreads through a cube. */
#include "kernel.h"

enum { N = 100, STEPS = 80 };

static double a[N][N][N], b[N][N][N];

static void spread(double (*restrict to)[N][N], double (*restrict from)[N][N])
{
    for (int i = 1; i < N - 1; i++) {
        for (int j = 1; j < N - 1; j++) {
            for (int k = 1; k < N - 1; k++) {
                double here = from[i][j][k];
                double x = from[i + 1][j][k] - 2 * here + from[i - 1][j][k];
                double y = from[i][j + 1][k] - 2 * here + from[i][j - 1][k];
                double z = from[i][j][k + 1] - 2 * here + from[i][j][k - 1];
                to[i][j][k] = here + 0.125 * x + 0.125 * y + 0.125 * z;
            }
        }
    }
}

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            for (int k = 0; k < N; k++) {
                a[i][j][k] = b[i][j][k] = (double)((i + j + (N - k)) % 31) * 10 / N;
            }
        }
    }
    for (int step = 0; step < STEPS; step++) {
        spread(b, a);
        spread(a, b);
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            for (int k = 0; k < N; k++) {
                sum += a[i][j][k];
            }
        }
    }
    return sum;
}
