/*
 * Does with files what its input says: commands, each on a line or behind a `;`. SLOT numbers
 * open files. What fails prints the name of the error number.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <faasm/faasm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char *rest; /* what was not read of the present command */
static int fds[16];
static int returned;

static char *word(void)
{
    char *next = strsep(&rest, " ");
    return next ? next : "";
}

static long number(void) { return strtol(word(), NULL, 0); }

static const char *error(void)
{
    static const struct { int number; const char *name; } names[] = {
        {ENOENT, "ENOENT"}, {EEXIST, "EEXIST"}, {EISDIR, "EISDIR"}, {ENOTDIR, "ENOTDIR"},
        {ENOTEMPTY, "ENOTEMPTY"}, {EXDEV, "EXDEV"}, {EROFS, "EROFS"}, {EINVAL, "EINVAL"},
        {ENOSPC, "ENOSPC"}, {EDQUOT, "EDQUOT"}, {EFBIG, "EFBIG"}, {EBADF, "EBADF"},
        {ENAMETOOLONG, "ENAMETOOLONG"}, {EPERM, "EPERM"}, {EIO, "EIO"}, {EMFILE, "EMFILE"},
        {ELOOP, "ELOOP"}, {ENOTCAPABLE, "ENOTCAPABLE"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == errno) return names[i].name;
    return strerror(errno);
}

static void done(int result) { puts(result < 0 ? error() : "ok"); }

static void dump(int fd)
{
    char bytes[4096];
    ssize_t length;
    while ((length = read(fd, bytes, sizeof bytes)) > 0) fwrite(bytes, 1, length, stdout);
    puts(length < 0 ? error() : "");
}

static void cat(void) /* PATH */
{
    int fd = open(word(), O_RDONLY);
    if (fd < 0) return done(fd);
    dump(fd);
    close(fd);
}

/* With C's own streams: SLOTs are for descriptors. */
static void put(void) /* PATH MODE TEXT */
{
    char *path = word(), *mode = word();
    FILE *file = fopen(path, mode);
    if (!file) return done(-1);
    fputs(rest ? rest : "", file);
    done(fclose(file));
}

static void open_file(void) /* SLOT PATH MODE: r, w (cut), m (as it is), a, x (new) */
{
    long slot = number();
    char *path = word();
    int mode = *word();
    int flags = mode == 'r'   ? O_RDONLY
                : mode == 'w' ? O_RDWR | O_CREAT | O_TRUNC
                : mode == 'm' ? O_RDWR
                : mode == 'a' ? O_WRONLY | O_CREAT | O_APPEND
                              : O_RDWR | O_CREAT | O_EXCL;
    fds[slot] = open(path, flags, 0666);
    done(fds[slot]);
}

static void write_file(void) /* SLOT TEXT */
{
    long slot = number();
    done(write(fds[slot], rest, rest ? strlen(rest) : 0));
}

static void fill(void) /* SLOT BYTES */
{
    static char block[1 << 16];
    long slot = number(), left = number();
    memset(block, 'x', sizeof block);
    while (left > 0) {
        long piece = left < (long)sizeof block ? left : (long)sizeof block;
        ssize_t written = write(fds[slot], block, piece);
        if (written < 0) return done(-1);
        left -= written;
    }
    done(0);
}

static void read_file(void) /* SLOT: from the beginning */
{
    long slot = number();
    if (lseek(fds[slot], 0, SEEK_SET) < 0) return done(-1);
    dump(fds[slot]);
}

static void seek(void) /* SLOT OFFSET */
{
    long slot = number();
    off_t offset = strtoll(word(), NULL, 0);
    printf("%lld\n", (long long)lseek(fds[slot], offset, SEEK_SET));
}

static void duplicate(void) /* SLOT SLOT */
{
    long slot = number();
    fds[number()] = dup(fds[slot]);
    puts("ok");
}

static void map(void) /* SLOT LENGTH */
{
    long slot = number(), length = number();
    char *bytes = mmap(NULL, length, PROT_READ, MAP_PRIVATE, fds[slot], 0);
    if (bytes == MAP_FAILED) return done(-1);
    fwrite(bytes, 1, length, stdout);
    puts("");
    munmap(bytes, length);
}

static void status(void) /* PATH */
{
    struct stat status;
    if (stat(word(), &status) < 0) return done(-1);
    printf("%s %lld\n", S_ISDIR(status.st_mode) ? "directory" : "file", (long long)status.st_size);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void list(void) /* PATH */
{
    static char *names[4096];
    int count = 0;
    DIR *directory = opendir(word());
    if (!directory) return done(-1);
    for (struct dirent *entry; count < 4096 && (entry = readdir(directory));)
        if (entry->d_name[0] != '.') names[count++] = strdup(entry->d_name);
    closedir(directory);
    qsort(names, count, sizeof *names, by_name);
    for (int i = 0; i < count; i++) printf("%s%s", i ? " " : "", names[i]);
    puts("");
}

static void move(void) /* FROM TO */
{
    char *from = word();
    done(rename(from, word()));
}

/* Waits until others have made a file. */
static void await(void) /* PATH */
{
    char *path = word();
    while (access(path, F_OK) != 0) usleep(1000);
    puts("ok");
}

/* Opens and closes a file, and reads a byte of it. */
static void churn(void) /* PATH TIMES */
{
    char *path = word(), byte;
    for (long times = number(); times > 0; times--) {
        int fd = open(path, O_RDONLY);
        if (fd < 0 || read(fd, &byte, 1) != 1) return done(-1);
        close(fd);
    }
    puts("ok");
}

static void run(char *command)
{
    rest = command;
    char *verb = word();
    if (!strcmp(verb, "cat")) cat();
    else if (!strcmp(verb, "put")) put();
    else if (!strcmp(verb, "open")) open_file();
    else if (!strcmp(verb, "write")) write_file();
    else if (!strcmp(verb, "fill")) fill();
    else if (!strcmp(verb, "read")) read_file();
    else if (!strcmp(verb, "seek")) seek();
    else if (!strcmp(verb, "dup")) duplicate();
    else if (!strcmp(verb, "map")) map();
    else if (!strcmp(verb, "close")) done(close(fds[number()]));
    else if (!strcmp(verb, "cut")) { long slot = number(); done(ftruncate(fds[slot], number())); }
    else if (!strcmp(verb, "stat")) status();
    else if (!strcmp(verb, "ls")) list();
    else if (!strcmp(verb, "rm")) done(unlink(word()));
    else if (!strcmp(verb, "mkdir")) done(mkdir(word(), 0777));
    else if (!strcmp(verb, "rmdir")) done(rmdir(word()));
    else if (!strcmp(verb, "mv")) move();
    else if (!strcmp(verb, "await")) await();
    else if (!strcmp(verb, "churn")) churn();
    else if (!strcmp(verb, "state")) printf("%u\n", __faasm_write_state_from_file("value", word()));
    else if (!strcmp(verb, "trap")) __builtin_trap();
    else if (!strcmp(verb, "exit")) exit(number());
    else if (!strcmp(verb, "return")) returned = number();
    else printf("unknown: %s\n", verb);
}

int main(void)
{
    long size = faasmGetInputSize();
    char *script = calloc(size + 1, 1), *command;
    faasmGetInput((uint8_t *)script, size);
    while ((command = strsep(&script, ";\n"))) {
        while (*command == ' ') command++;
        if (*command) run(command);
    }
    return returned;
}
