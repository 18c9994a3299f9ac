/* A matrix into a lower and an upper triangle, in place. */
#include "kernel.h"

enum { N = 1300 };

static double a[N][N];

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)((i * 7 + j * 13) % 41) / 41;
        }
        /* So that no pivot is small. */
        a[i][i] += N;
    }
    for (int k = 0; k < N; k++) {
        for (int i = k + 1; i < N; i++) {
            double factor = a[i][k] / a[k][k];
            a[i][k] = factor;
            for (int j = k + 1; j < N; j++) {
                a[i][j] -= factor * a[k][j];
            }
        }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            sum += a[i][j];
        }
    }
    return sum;
}
