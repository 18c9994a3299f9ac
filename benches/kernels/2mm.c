/* D = beta D + alpha A B C: two products of matrices that are not square. */
#include "kernel.h"

enum { ROWS = 560, INNER = 640, MIDDLE = 600, COLUMNS = 680 };

static double a[ROWS][INNER], b[INNER][MIDDLE], ab[ROWS][MIDDLE];
static double c[MIDDLE][COLUMNS], d[ROWS][COLUMNS];

static void fill(int rows, int columns, double *matrix, int seed)
{
    for (int i = 0; i < rows * columns; i++) {
        matrix[i] = (double)((i + seed) % 101) / 101;
    }
}

double kernel(void)
{
    const double alpha = 1.5, beta = 1.2;
    fill(ROWS, INNER, &a[0][0], 1);
    fill(INNER, MIDDLE, &b[0][0], 2);
    fill(MIDDLE, COLUMNS, &c[0][0], 3);
    fill(ROWS, COLUMNS, &d[0][0], 4);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < MIDDLE; j++) {
            ab[i][j] = 0;
        }
        for (int k = 0; k < INNER; k++) {
            for (int j = 0; j < MIDDLE; j++) {
                ab[i][j] += alpha * a[i][k] * b[k][j];
            }
        }
    }
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
            d[i][j] *= beta;
        }
        for (int k = 0; k < MIDDLE; k++) {
            for (int j = 0; j < COLUMNS; j++) {
                d[i][j] += ab[i][k] * c[k][j];
            }
        }
    }
    double sum = 0;
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++) {
            sum += d[i][j];
        }
    }
    return sum;
}
