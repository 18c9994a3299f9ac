/* Does the file operations that its input lists and prints what each of them answered, then
 * the tree that they made: compiled natively and to WebAssembly, both must print the same.
 *
 * The first line is a directory for it all, the second one far below it that paths begin in.
 * Every other line is an operation and its operands, a tab before each; `path(N)` and
 * `descriptor(N)` below are the N-th operand. */
#define _GNU_SOURCE
#include "guest.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#define MAX_OPEN 16
#define PATHS 8192

static char base[PATHS];
static char inside[PATHS];
static int lowest;
static int fds[MAX_OPEN];
static int fd_count;

const char *path(int field)
{
    static char paths[2][PATHS * 2];
    char *full = paths[field % 2];
    if (!*text(field)) return "";
    snprintf(full, sizeof paths[0], "%s/%s", inside, text(field));
    return full;
}

/* One of the open ones, or none for a negative number. */
static int index_of(int field)
{
    int index = (int)number(field);
    return index < 0 || fd_count == 0 ? -1 : index % fd_count;
}

static int descriptor(int field)
{
    int index = index_of(field);
    return index < 0 ? -1 : fds[index];
}

/* What is open is known by its place in a list, and its number counted from the first free. */
static void opened(int fd)
{
    if (fd < 0) return answer(fd);
    answer(fd - lowest);
    if (fd_count < MAX_OPEN) fds[fd_count++] = fd;
    else close(fd);
}

static void do_open(void)
{
    static const struct { char letter; int flag; } FLAGS[] = {
        {'r', O_RDONLY}, {'w', O_WRONLY}, {'b', O_RDWR}, {'c', O_CREAT}, {'x', O_EXCL},
        {'t', O_TRUNC}, {'a', O_APPEND}, {'d', O_DIRECTORY}, {'n', O_NOFOLLOW},
    };
    int flags = 0;
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (strchr(text(2), FLAGS[i].letter)) flags |= FLAGS[i].flag;
    opened(open(path(1), flags, 0666));
}

static void do_close(void)
{
    int index = index_of(1);
    answer(close(descriptor(1)));
    if (index < 0) return;
    fd_count--;
    memmove(fds + index, fds + index + 1, (size_t)(fd_count - index) * sizeof *fds);
}

/* The import cannot say why. */
static void do_dup(void)
{
    int fd = dup(descriptor(1));
    if (fd < 0) say("none");
    else opened(fd);
}

static void do_read(void)
{
    size_t size = (size_t)number(2);
    bytes(read(descriptor(1), buffer, size), size);
}

static void do_pread(void)
{
    size_t size = (size_t)number(2);
    bytes(pread(descriptor(1), buffer, size, number(3)), size);
}

/* The buffer as three, one of them empty. */
static const struct iovec *thirds(size_t size)
{
    static struct iovec parts[3];
    size_t first = size / 3;
    parts[0] = (struct iovec){buffer, first};
    parts[1] = (struct iovec){buffer + first, 0};
    parts[2] = (struct iovec){buffer + first, size - first};
    return parts;
}

static void do_readv(void)
{
    size_t size = (size_t)number(2);
    bytes(readv(descriptor(1), thirds(size), 3), size);
}

static void do_write(void)
{
    size_t size = data(2);
    answer(write(descriptor(1), buffer, size));
}

static void do_pwrite(void)
{
    size_t size = data(2);
    answer(pwrite(descriptor(1), buffer, size, number(4)));
}

static void do_writev(void)
{
    size_t size = data(2);
    answer(writev(descriptor(1), thirds(size), 3));
}

/* In a directory, there are positions on some systems. */
static void do_seek(void)
{
    struct stat info;
    if (!fstat(descriptor(1), &info) && S_ISDIR(info.st_mode)) return say("a directory");
    answer(lseek(descriptor(1), number(2), whence(3)));
}

static void do_ftruncate(void) { answer(ftruncate(descriptor(1), number(2))); }

/* To the length that it has, it changes the time in WASI alone, where it is made of ftruncate. */
static void do_truncate(void)
{
    struct stat info;
    int known = !stat(path(1), &info) && S_ISREG(info.st_mode);
    if (known && info.st_size == number(2)) return say("it is so long");
    answer(truncate(path(1), number(2)));
}

static void do_allocate(void)
{
    errno = posix_fallocate(descriptor(1), number(2), number(3));
    answer(errno ? -1 : 0);
}

/* A private copy, as WASI's C library makes it of what it reads: errno says other things, and what
 * is behind the file's end may be touched or not. */
static void do_map(void)
{
    struct stat info;
    size_t size = (size_t)number(2);
    off_t offset = number(3) * 4096;
    char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, descriptor(1), offset);
    if (map == MAP_FAILED) return say("none");
    if (fstat(descriptor(1), &info)) return answer(-1);
    off_t left = info.st_size > offset ? info.st_size - offset : 0;
    size_t count = left < (off_t)size ? (size_t)left : size;
    memcpy(buffer, map, count);
    memset(map, '!', count);
    bytes((ssize_t)count, size);
    if (munmap(map, size)) answer(-1);
}

static void do_sync(void) { answer(fsync(descriptor(1))); }

static void do_datasync(void) { answer(fdatasync(descriptor(1))); }

static void do_append(void) { answer(fcntl(descriptor(1), F_SETFL, number(2) ? O_APPEND : 0)); }

static void do_flags(void)
{
    int flags = fcntl(descriptor(1), F_GETFL);
    if (flags < 0) return answer(flags);
    int access = flags & O_ACCMODE;
    say(access == O_RDONLY ? "read" : access == O_WRONLY ? "write" : "both");
    if (flags & O_APPEND) say(" append");
}

static char type_of(mode_t mode)
{
    return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : '?';
}

/* Permissions are none in WASI, size and links of a directory each file system's own. Times are
 * exact when somebody set them; a shared directory that is there because of its files has none. */
static void described(int failed, const struct stat *info)
{
    if (failed) return answer(failed);
    say("%c", type_of(info->st_mode));
    if (!S_ISDIR(info->st_mode)) say(" %lld links %d", (long long)info->st_size, (int)info->st_nlink);
    long long changed = info->st_mtim.tv_sec;
    if (changed > 1000000000 || (S_ISDIR(info->st_mode) && changed == 0)) say(" now");
    else say(" %lld.%ld", changed, (long)info->st_mtim.tv_nsec);
}

static void do_stat(void) { struct stat info; described(stat(path(1), &info), &info); }

static void do_lstat(void) { struct stat info; described(lstat(path(1), &info), &info); }

static void do_fstat(void) { struct stat info; described(fstat(descriptor(1), &info), &info); }

/* The times of access, which may stay, and of change, from the second operand on. The wasi-libc of
 * 2022 knows neither NULL nor the special values for the second. */
static const struct timespec *times(void)
{
    static struct timespec both[2];
    long long accessed = number(2), changed = number(3);
    both[0] = (struct timespec){accessed, (long)(accessed * 1001)};
    both[1] = (struct timespec){changed, (long)(changed * 1001)};
    if (!strcmp(text(2), "omit")) both[0].tv_nsec = UTIME_OMIT;
    return both;
}

static void do_utime(void)
{
    answer(utimensat(AT_FDCWD, path(1), times(), number(4) ? AT_SYMLINK_NOFOLLOW : 0));
}

static void do_futime(void) { answer(futimens(descriptor(1), times())); }

static void do_access(void)
{
    int mode = (strchr(text(2), 'r') ? R_OK : 0) | (strchr(text(2), 'w') ? W_OK : 0);
    answer(access(path(1), mode ? mode : F_OK));
}

static void do_mkdir(void) { answer(mkdir(path(1), 0777)); }
static void do_rmdir(void) { answer(rmdir(path(1))); }
static void do_unlink(void) { answer(unlink(path(1))); }
static void do_remove(void) { answer(remove(path(1))); }
static void do_rename(void) { answer(rename(path(1), path(2))); }
static void do_link(void) { answer(link(path(1), path(2))); }

/* Targets are as they are, but those that begin with `/`. */
static void do_symlink(void)
{
    const char *target = *text(1) == '/' ? path(1) : text(1);
    answer(symlink(target, path(2)));
}

static void do_readlink(void)
{
    size_t size = (size_t)number(2);
    bytes(readlink(path(1), buffer, size), size);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

/* The entries' names, sorted, a letter for the type before each; NULL if there is no listing. */
static char **entries(const char *directory, size_t *count)
{
    DIR *dir = opendir(directory);
    if (!dir) return NULL;
    char **names = calloc(1024, sizeof *names);
    size_t first_time = 0;
    *count = 0;
    while (readdir(dir)) first_time++;
    rewinddir(dir);
    for (struct dirent *entry; *count < 1024 && (entry = readdir(dir)); ++*count) {
        char *name = names[*count] = malloc(strlen(entry->d_name) + 2);
        *name = entry->d_type == DT_REG ? 'f' : entry->d_type == DT_DIR ? 'd' : entry->d_type == DT_LNK ? 'l' : '?';
        strcpy(name + 1, entry->d_name);
    }
    if (first_time != *count) say("%zu the first time ", first_time);
    closedir(dir);
    /* All but the types: they are before the names. */
    for (size_t i = 0; i < *count; i++) names[i]++;
    qsort(names, *count, sizeof *names, by_name);
    return names;
}

static void do_list(void)
{
    size_t count;
    char **names = entries(path(1), &count);
    if (!names) return answer(-1);
    for (size_t i = 0; i < count; i++) say("%c:%s ", names[i][-1], names[i]);
}

/* As `described`, with what is in it. */
static void print_tree(const char *at)
{
    struct stat info;
    say("%s ", at + strlen(base));
    int failed = lstat(at, &info);
    described(failed, &info);
    if (failed) return;
    if (S_ISLNK(info.st_mode)) {
        say(" ");
        bytes(readlink(at, buffer, 4096), 4096);
    }
    if (S_ISREG(info.st_mode)) {
        say(" ");
        int fd = open(at, O_RDONLY);
        bytes(read(fd, buffer, sizeof buffer), sizeof buffer);
        close(fd);
    }
    say("\n");
    size_t count;
    char **names = S_ISDIR(info.st_mode) ? entries(at, &count) : NULL;
    for (size_t i = 0; names && i < count; i++) {
        if (!strcmp(names[i], ".") || !strcmp(names[i], "..")) continue;
        char *below = malloc(strlen(at) + strlen(names[i]) + 2);
        sprintf(below, "%s/%s", at, names[i]);
        print_tree(below);
        free(below);
    }
}

static const struct { const char *name; void (*run)(void); } OPERATIONS[] = {
    {"open", do_open}, {"close", do_close}, {"dup", do_dup}, {"read", do_read}, {"pread", do_pread},
    {"readv", do_readv}, {"write", do_write}, {"pwrite", do_pwrite}, {"writev", do_writev},
    {"seek", do_seek}, {"ftruncate", do_ftruncate}, {"truncate", do_truncate}, {"allocate", do_allocate},
    {"map", do_map}, {"sync", do_sync}, {"datasync", do_datasync}, {"append", do_append}, {"flags", do_flags},
    {"stat", do_stat}, {"lstat", do_lstat}, {"fstat", do_fstat}, {"utime", do_utime}, {"futime", do_futime},
    {"access", do_access}, {"mkdir", do_mkdir}, {"rmdir", do_rmdir}, {"unlink", do_unlink},
    {"remove", do_remove}, {"rename", do_rename}, {"link", do_link}, {"symlink", do_symlink},
    {"readlink", do_readlink}, {"list", do_list},
    {"buffered", do_buffered}, {"fopen", do_fopen}, {"fclose", do_fclose}, {"fread", do_fread}, {"fwrite", do_fwrite},
    {"fseek", do_fseek}, {"ungetc", do_ungetc}, {"fgets", do_fgets}, {"fprintf", do_fprintf},
};

static void run(const char *name)
{
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (!strcmp(OPERATIONS[i].name, name)) return OPERATIONS[i].run();
    fprintf(stderr, "no operation '%s'\n", name);
    exit(1);
}

/* Makes the directory of all operations, as far as it is missing. */
static void start(void)
{
    if (!next_line()) exit(1);
    snprintf(base, sizeof base, "%s", text(0));
    if (!next_line()) exit(1);
    snprintf(inside, sizeof inside, "%s", text(0));
    /* Whoever forgets it shall not have his own files changed. */
    if (strncmp(inside, base, strlen(base)) || inside[strlen(base)] != '/') exit(1);
    for (char *slash = strchr(inside + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        mkdir(inside, 0777);
        *slash = '/';
    }
    mkdir(inside, 0777);
#ifndef __wasm__
    /* Whatever it was started with. */
    for (int fd = 3; fd < 1024; fd++) close(fd);
#endif
    lowest = open(base, O_RDONLY);
    close(lowest);
}

int main(void)
{
    start();
    while (next_line()) {
        errno = 0;
        run(text(0));
        say("\n");
    }
    close_streams();
    print_tree(base);
    return 0;
}
