/* C = beta C + alpha A B, of square matrices. */
#include "kernel.h"

enum { N = 768 };

static double a[N][N], b[N][N], c[N][N];

double kernel(void)
{
    const double alpha = 1.5, beta = 1.2;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)((i * j + 1) % N) / N;
            b[i][j] = (double)(i * (j + 2) % N) / N;
            c[i][j] = (double)((i + j) % N) / N;
        }
    }
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            c[i][j] *= beta;
        }
        for (int k = 0; k < N; k++) {
            double scaled = alpha * a[i][k];
            for (int j = 0; j < N; j++) {
                c[i][j] += scaled * b[k][j];
            }
        }
    }
    double sum = 0;
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < N; j++) {
            sum += c[i][j];
        }
    }
    return sum;
}
