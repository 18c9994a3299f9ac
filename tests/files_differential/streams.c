/* Operations of stdio.
 *
 * What the standard leaves open is not asked: an access of the other direction comes after
 * fseek, and what several descriptors do to one file is not left in the buffer of one. */
#include "guest.h"

#include <stdbool.h>

#define MAX_STREAMS 4

static bool is_buffered;
static FILE *streams[MAX_STREAMS];
static int stream_count;

static FILE *stream(int field)
{
    return stream_count ? streams[number(field) % stream_count] : NULL;
}

static void no_stream(void) { say("no stream"); }

/* From here on one stream does it all, and everything may stay in its buffer. */
void do_buffered(void) { is_buffered = true; }

/* Before an access. */
static void turn(FILE *file, char direction)
{
    static char last;
    if (is_buffered && last != direction) fseeko(file, 0, SEEK_CUR);
    last = direction;
}

/* After an access. glibc and wasi-libc set errno at different faults of streams. */
static void settle(FILE *file)
{
    if (feof(file)) say(" end");
    if (ferror(file)) say(" error");
    clearerr(file);
    if (is_buffered) return;
    fflush(file);
    fseeko(file, 0, SEEK_CUR);
}

void do_fopen(void)
{
    FILE *file = fopen(path(1), text(2));
    if (!file) return answer(-1);
    struct stat info;
    if (fstat(fileno(file), &info)) return answer(-1);
    if (S_ISDIR(info.st_mode) || stream_count == MAX_STREAMS) {
        /* A directory has a position in glibc alone; that it cannot be read says errno. */
        answer(fgetc(file) == EOF ? -(S_ISDIR(info.st_mode)) : 1);
        fclose(file);
        return;
    }
    if (*text(3) == 'n') setvbuf(file, NULL, _IONBF, 0);
    if (*text(3) == 'l') setvbuf(file, NULL, _IOLBF, 64);
    /* Where a stream that appends is before it does, each library says in its way. */
    if (strchr(text(2), 'a')) fseeko(file, 0, SEEK_END);
    answer(ftello(file));
    streams[stream_count++] = file;
}

void do_fclose(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    answer(fclose(file));
    int index = (int)number(1) % stream_count--;
    memmove(streams + index, streams + index + 1, (size_t)(stream_count - index) * sizeof *streams);
}

void do_fread(void)
{
    FILE *file = stream(1);
    size_t size = (size_t)number(2);
    if (!file) return no_stream();
    turn(file, 'r');
    bytes((ssize_t)fread(buffer, 1, size, file), size);
    settle(file);
}

void do_fwrite(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    turn(file, 'w');
    size_t size = data(2);
    answer((long long)fwrite(buffer, 1, size, file));
    settle(file);
}

void do_fseek(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    answer(fseeko(file, number(2), whence(3)));
    say(" at %lld", (long long)ftello(file));
    settle(file);
}

void do_ungetc(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    turn(file, 'r');
    int read = getc(file);
    answer(read == EOF ? 0 : read);
    if (read != EOF) {
        int put = ungetc('!', file);
        say(" %d %lld", put, (long long)ftello(file));
        int first = getc(file), second = getc(file);
        say(" %d %d %lld", first, second, (long long)ftello(file));
    }
    settle(file);
}

void do_fgets(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    turn(file, 'r');
    char *line = fgets(buffer, (int)number(2) + 1, file);
    if (line) bytes((ssize_t)strlen(line), (size_t)number(2));
    else say("nothing");
    settle(file);
}

void do_fprintf(void)
{
    FILE *file = stream(1);
    if (!file) return no_stream();
    turn(file, 'w');
    int written = fprintf(file, "%d %-*s|%.3f\n", (int)number(2), (int)number(2), "text", 1.5);
    say("%d", written);
    settle(file);
}

void close_streams(void)
{
    while (stream_count) fclose(streams[--stream_count]);
}
