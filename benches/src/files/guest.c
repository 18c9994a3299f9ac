/* What the benchmark of files measures, as a function and as a program of the machine. Takes
 * what to measure and a path; prints nanoseconds, one number a line. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#ifdef __faasm
#include <faasm/faasm.h>
#endif

enum { SMALL = 4096, BUFFER = 65536, OPENS = 2000, BATCHES = 10, PASSES = 3 };

static char buffer[BUFFER];

static int64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* Nanoseconds that opening, reading all of a small file and closing it take, or -1. */
static int64_t small(const char *path)
{
    int64_t begun = now();
    for (int i = 0; i < OPENS; i++) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, buffer, SMALL) != SMALL || close(fd) != 0) {
            return -1;
        }
    }
    return (now() - begun) / OPENS;
}

/* Nanoseconds that reading a file from its beginning to its end takes, or -1. */
static int64_t large(const char *path)
{
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        return -1;
    }
    int64_t begun = now();
    ssize_t got;
    while ((got = read(fd, buffer, BUFFER)) > 0) {
    }
    int64_t taken = now() - begun;
    return got == 0 && close(fd) == 0 ? taken : -1;
}

static int measure(const char *what, const char *path)
{
    int is_small = strcmp(what, "small") == 0;
    for (int i = 0; i < (is_small ? BATCHES : PASSES); i++) {
        int64_t taken = is_small ? small(path) : large(path);
        if (taken < 0) {
            perror(path);
            return 1;
        }
        printf("%lld\n", (long long)taken);
    }
    return 0;
}

int main(int argc, char **argv)
{
#ifdef __faasm
    (void)argc;
    (void)argv;
    char input[96] = {0}, what[16], path[64];
    faasmGetInput(input, sizeof input - 1);
    if (sscanf(input, "%15s %63s", what, path) != 2) {
        return 1;
    }
    return measure(what, path);
#else
    return argc == 3 ? measure(argv[1], argv[2]) : 1;
#endif
}
