/* An electric and a magnetic field in two dimensions, in steps of time. */
#include "kernel.h"

enum { N = 700, STEPS = 400 };

static double ex[N][N], ey[N][N], hz[N][N];

static void step(double source)
{
    for (int j = 0; j < N; j++) {
        ey[0][j] = source;
    }
    for (int i = 1; i < N; i++) {
        for (int j = 0; j < N; j++) {
            ey[i][j] -= 0.5 * (hz[i][j] - hz[i - 1][j]);
        }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 1; j < N; j++) {
            ex[i][j] -= 0.5 * (hz[i][j] - hz[i][j - 1]);
        }
    }
    for (int i = 0; i < N - 1; i++) {
        for (int j = 0; j < N - 1; j++) {
            hz[i][j] -= 0.7 * (ex[i][j + 1] - ex[i][j] + ey[i + 1][j] - ey[i][j]);
        }
    }
}

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            ex[i][j] = (double)(i * (j + 1) % 83) / N;
            ey[i][j] = (double)(i * (j + 2) % 79) / N;
            hz[i][j] = (double)(i * (j + 3) % 73) / N;
        }
    }
    for (int time = 0; time < STEPS; time++) {
        step(time);
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            sum += hz[i][j];
        }
    }
    return sum;
}
