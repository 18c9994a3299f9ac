/* Each point becomes the mean of itself and its four neighbours, over and over. */
#include "kernel.h"

enum { N = 700, STEPS = 250 };

static double a[N][N], b[N][N];

static void relax(double (*restrict to)[N], double (*restrict from)[N])
{
    for (int i = 1; i < N - 1; i++) {
        for (int j = 1; j < N - 1; j++) {
            to[i][j] = 0.2 * (from[i][j] + from[i][j - 1] + from[i][j + 1] + from[i - 1][j] +
                              from[i + 1][j]);
        }
    }
}

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)(i * (j + 2) % 97) / N;
            b[i][j] = (double)(i * (j + 3) % 89) / N;
        }
    }
    for (int step = 0; step < STEPS; step++) {
        relax(b, a);
        relax(a, b);
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            sum += a[i][j];
        }
    }
    return sum;
}
