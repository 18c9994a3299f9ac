/* Solves a Toeplitz system by Levinson's and Durbin's recursion. */
#include "kernel.h"

enum { N = 16000 };

static double r[N], y[N], z[N];

double kernel(void)
{
    for (int i = 0; i < N; i++) {
        r[i] = 1.0 / (2 * (i + 2) * (double)(i + 3));
    }
    y[0] = -r[0];
    double alpha = -r[0], beta = 1;
    for (int k = 1; k < N; k++) {
        beta *= 1 - alpha * alpha;
        double sum = 0;
        for (int i = 0; i < k; i++) {
            sum += r[k - i - 1] * y[i];
        }
        alpha = -(r[k] + sum) / beta;
        for (int i = 0; i < k; i++) {
            z[i] = y[i] + alpha * y[k - i - 1];
        }
        for (int i = 0; i < k; i++) {
            y[i] = z[i];
        }
        y[k] = alpha;
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        sum += y[i];
    }
    return sum;
}
