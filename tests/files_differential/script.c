/* Reading operations and writing answers. */
#include "guest.h"

#define MAX_FIELDS 8

char buffer[1 << 20];
static char line[1 << 16];
static char *fields[MAX_FIELDS];

int next_line(void)
{
    if (!fgets(line, sizeof line, stdin)) return 0;
    line[strcspn(line, "\n")] = 0;
    char *rest = line;
    for (int i = 0; i < MAX_FIELDS; i++) {
        char *tab = rest ? strchr(rest, '\t') : NULL;
        fields[i] = rest;
        if (tab) *tab = 0;
        rest = tab ? tab + 1 : NULL;
    }
    return 1;
}

const char *text(int field) { return fields[field] ? fields[field] : ""; }

long long number(int field) { return atoll(text(field)); }

int whence(int field)
{
    switch (*text(field)) {
    case 's': return SEEK_SET;
    case 'c': return SEEK_CUR;
    case 'e': return SEEK_END;
    default: return 99;
    }
}

size_t data(int field)
{
    size_t size = (size_t)number(field), first = (size_t)number(field + 1);
    for (size_t i = 0; i < size; i++)
        buffer[i] = (first + i) % 7 == 6 ? '\n' : (char)('a' + (first + i) % 26);
    return size;
}

void say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
}

#define ERRORS(X) \
    X(EACCES) X(EAGAIN) X(EBADF) X(EBUSY) X(EEXIST) X(EFBIG) X(EILSEQ) X(EINVAL) X(EIO) X(EISDIR) \
    X(ELOOP) X(EMFILE) X(EMLINK) X(ENAMETOOLONG) X(ENFILE) X(ENODEV) X(ENOENT) X(ENOMEM) X(ENOSPC) \
    X(ENOSYS) X(ENOTDIR) X(ENOTEMPTY) X(ENOTSUP) X(ENOTTY) X(ENXIO) X(EOVERFLOW) X(EPERM) X(EROFS) \
    X(ESPIPE) X(ETXTBSY) X(EXDEV)

static const char *error_name(int error)
{
    switch (error) {
#define NAME(error) case error: return #error;
        ERRORS(NAME)
#ifdef ENOTCAPABLE
        NAME(ENOTCAPABLE)
#endif
    default: return "an error without a name here";
    }
}

void answer(long long result)
{
    if (result < 0) say("%s", error_name(errno));
    else say("%lld", result);
}

void bytes(ssize_t result, size_t size)
{
    answer(result);
    if (result < 0) return;
    if ((size_t)result > size) say(" of %zu", size);
    unsigned long long hash = 14695981039346656037u;
    for (ssize_t i = 0; i < result; i++) hash = (hash ^ (unsigned char)buffer[i]) * 1099511628211u;
    say(" #%016llx ", hash);
    for (ssize_t i = 0; i < result && i < 64; i++)
        say(buffer[i] >= ' ' && buffer[i] < 127 ? "%c" : "\\%02x", (unsigned char)buffer[i]);
}
