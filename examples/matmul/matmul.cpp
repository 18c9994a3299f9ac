/*
 * A matrix product by chained calls: each computes a strip of rows. The matrices are in
 * mapped state, so that no call copies or receives any of them; each maps only its rows of
 * A and of the product C, and all of B.
 *
 * The input has the number of rows (and columns) and the number of strips.
 *
 *     faasm invoke demo matmul -i '256 4'
 */
#include <faasm/faasm.h>
#include <faasm/input.h>
#include <faasm/state.hpp>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace {

using Matrix = faasm::SharedMatrix<double>;
using Input = faasm::SharedMatrix<const double>;

/* Up to this size the product is checked against the definition, element by element. */
constexpr std::uint32_t most_checked_directly = 256;

/* So many rows of B are used for all rows of a strip, while the processor has them near. */
constexpr std::uint32_t block = 64;

/* The strip of a call: `count` rows of `size` × `size` from the row `first` on. */
struct Strip {
    std::uint32_t size, first, count;
};

/* A call: computes its rows of the product. */
int multiply()
{
    Strip strip = {};
    faasmGetInput(&strip, sizeof strip);
    const std::uint32_t size = strip.size, end = strip.first + strip.count;
    const Input a("matmul.a", size, size, strip.first, strip.count);
    const Input b("matmul.b", size, size);
    const Matrix c("matmul.c", size, size, strip.first, strip.count);
    std::fill(c.row(strip.first), c.row(end), 0.0);
    for (std::uint32_t from = 0; from < size; from += block) {
        const std::uint32_t to = std::min(size, from + block);
        for (std::uint32_t i = strip.first; i < end; i++) {
            double *__restrict out = c.row(i);
            for (std::uint32_t k = from; k < to; k++) {
                const double factor = a(i, k);
                const double *row = b.row(k);
                for (std::uint32_t j = 0; j < size; j++) {
                    out[j] += factor * row[j];
                }
            }
        }
    }
    return 0;
}

/* Small whole numbers: whatever is computed with them is exact. */
void fill(const Matrix &matrix, std::uint32_t a, std::uint32_t b)
{
    for (std::uint32_t i = 0; i < matrix.rows(); i++) {
        for (std::uint32_t j = 0; j < matrix.columns(); j++) {
            matrix(i, j) = static_cast<double>((a * i + b * j + i * j) % 11) - 5;
        }
    }
}

/* Whether all calls went well. */
bool multiply_in_strips(std::uint32_t size, std::uint32_t strips)
{
    std::vector<unsigned int> calls;
    for (std::uint32_t i = 0; i < strips; i++) {
        const std::uint32_t first = size * i / strips;
        const Strip strip = {size, first, size * (i + 1) / strips - first};
        calls.push_back(faasmChain(multiply, &strip, sizeof strip));
    }
    return std::count_if(calls.begin(), calls.end(), faasmAwaitCall) == 0;
}

bool is_product(const Matrix &c, const Matrix &a, const Matrix &b)
{
    for (std::uint32_t i = 0; i < c.rows(); i++) {
        for (std::uint32_t j = 0; j < c.columns(); j++) {
            double sum = 0;
            for (std::uint32_t k = 0; k < b.rows(); k++) {
                sum += a(i, k) * b(k, j);
            }
            if (c(i, j) != sum) {
                return false;
            }
        }
    }
    return true;
}

std::vector<double> times(const Matrix &matrix, const std::vector<double> &vector)
{
    std::vector<double> result(matrix.rows());
    for (std::uint32_t i = 0; i < matrix.rows(); i++) {
        for (std::uint32_t j = 0; j < matrix.columns(); j++) {
            result[i] += matrix(i, j) * vector[j];
        }
    }
    return result;
}

/* The same for large matrices: that C x is A (B x) for some x is cheap to see. */
bool is_likely_product(const Matrix &c, const Matrix &a, const Matrix &b)
{
    std::vector<double> x(c.columns());
    for (std::uint32_t i = 0; i < x.size(); i++) {
        x[i] = i * 7919u % 13u;
    }
    return times(c, x) == times(a, times(b, x));
}

} // namespace

int main()
{
    unsigned size = 256, strips = 4;
    const int given = std::sscanf(faasm::getStringInput(""), "%u %u", &size, &strips);
    if (given == 0 || size < 1 || size > 2048 || strips < 1 || strips > 64) {
        std::fprintf(stderr, "the input is: SIZE (1 to 2048) STRIPS (1 to 64)\n");
        return 1;
    }
    // Calls that run at the same time would use the same matrices: one waits for the other.
    const faasm::WriteLock one_at_a_time("matmul");

    const Matrix a("matmul.a", size, size), b("matmul.b", size, size);
    fill(a, 3, 5);
    fill(b, 7, 2);
    if (!multiply_in_strips(size, strips)) {
        std::fprintf(stderr, "a call failed\n");
        return 1;
    }
    const Matrix c("matmul.c", size, size);
    if (!(size <= most_checked_directly ? is_product(c, a, b) : is_likely_product(c, a, b))) {
        std::fprintf(stderr, "the product is wrong\n");
        return 1;
    }
    double trace = 0;
    for (std::uint32_t i = 0; i < size; i++) {
        trace += c(i, i);
    }
    std::printf("the product of two %u x %u matrices is right, and its trace is %.0f\n", size, size,
                trace);
    return 0;
}
