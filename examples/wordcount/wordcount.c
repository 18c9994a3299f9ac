/*
 * Counts the words of all shared files in a directory: one chained call for each file, and
 * their counts added up. Prints the most frequent words, most frequent first and words of
 * the same count in alphabetical order, and writes the counts of all words to the shared
 * file faasm://counts/DIRECTORY. The directory's name is the input, texts without one. A
 * word is a run of ASCII letters, digits and bytes of other scripts; letters count the same
 * in both cases.
 *
 *     faasm file put -r books texts
 *     faasm invoke demo wordcount
 *     faasm file get counts/texts
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <faasm/faasm.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TOP 10

struct word {
    const char *text;
    long count;
};

/* Words and how often each was found. */
struct table {
    struct word *words;
    size_t count, room;
};

/* A file, and the call that counts its words. */
struct part {
    char *path;
    unsigned int call;
};

struct parts {
    struct part *parts;
    size_t count, room;
};

/* Says why `what` failed, and ends the call. */
static void fail(const char *what)
{
    perror(what);
    exit(1);
}

/* Makes room for one more item of `size` bytes. */
static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return items;
    }
    *room = *room * 2 + 64;
    items = realloc(items, *room * size);
    if (items == NULL) {
        fail("a table");
    }
    return items;
}

static void add(struct table *table, const char *text, long count)
{
    table->words = grown(table->words, table->count, &table->room, sizeof *table->words);
    table->words[table->count++] = (struct word){text, count};
}

static int by_text(const void *a, const void *b)
{
    const struct word *left = a, *right = b;
    return strcmp(left->text, right->text);
}

static int by_count(const void *a, const void *b)
{
    const struct word *left = a, *right = b;
    if (left->count != right->count) {
        return left->count < right->count ? 1 : -1;
    }
    return strcmp(left->text, right->text);
}

/* Adds up the counts of equal words. */
static void merge(struct table *table)
{
    size_t different = 0;
    qsort(table->words, table->count, sizeof *table->words, by_text);
    for (size_t i = 0; i < table->count; i++) {
        struct word *word = &table->words[i], *last = &table->words[different];
        if (different > 0 && strcmp(last[-1].text, word->text) == 0) {
            last[-1].count += word->count;
        } else {
            *last = *word;
            different++;
        }
    }
    table->count = different;
}

static bool belongs_to_a_word(char byte)
{
    unsigned char b = (unsigned char)byte;
    return b >= 0x80 || isalnum(b);
}

/* Cuts `text` into NUL-terminated lower-case words. */
static void split(char *text, size_t size, struct table *table)
{
    for (size_t at = 0; at < size; at++) {
        if (!belongs_to_a_word(text[at])) {
            text[at] = '\0';
            continue;
        }
        if (at == 0 || text[at - 1] == '\0') {
            add(table, &text[at], 1);
        }
        text[at] = (char)tolower((unsigned char)text[at]);
    }
}

/* A file's bytes and a NUL behind them. */
static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat stat;
    if (file == NULL || fstat(fileno(file), &stat) != 0) {
        fail(path);
    }
    *size = (size_t)stat.st_size;
    char *text = calloc(*size + 1, 1);
    if (text == NULL || fread(text, 1, *size, file) != *size) {
        fail(path);
    }
    fclose(file);
    return text;
}

static void write_words(FILE *file, const struct table *table, size_t most)
{
    for (size_t i = 0; i < table->count && i < most; i++) {
        fprintf(file, "%7ld %s\n", table->words[i].count, table->words[i].text);
    }
}

/* Runs in the callee: counts the words of the file whose path is its input. */
static int count_file(void)
{
    char path[PATH_MAX] = {0};
    faasmGetInput(path, sizeof path - 1);
    size_t size = 0;
    char *text = read_file(path, &size);
    struct table table = {0};
    split(text, size, &table);
    merge(&table);

    char *output = NULL;
    size_t length = 0;
    FILE *stream = open_memstream(&output, &length);
    if (stream == NULL) {
        fail(path);
    }
    write_words(stream, &table, table.count);
    fclose(stream);
    faasmSetOutput(output, (long)length);
    free(output);
    free(table.words);
    free(text);
    return 0;
}

/* Starts a call for every file in the directory. */
static struct parts start(const char *path)
{
    struct parts all = {0};
    DIR *directory = opendir(path);
    if (directory == NULL) {
        fail(path);
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char file[PATH_MAX];
        if (entry->d_type != DT_REG) {
            continue;
        }
        int length = snprintf(file, sizeof file, "%s/%s", path, entry->d_name);
        all.parts = grown(all.parts, all.count, &all.room, sizeof *all.parts);
        unsigned int call = faasmChain(count_file, file, length);
        all.parts[all.count++] = (struct part){strdup(file), call};
    }
    closedir(directory);
    return all;
}

/* Waits for a call and adds its lines, `count word`, to the table. */
static void collect(const struct part *part, struct table *table)
{
    char *output = NULL;
    int length = 0;
    if (faasmAwaitCallOutput(part->call, &output, &length) != 0) {
        fprintf(stderr, "the words of %s could not be counted\n", part->path);
        exit(1);
    }
    /* The words stay in it, for as long as the table is needed. */
    char *text = strndup(output, (size_t)length);
    if (text == NULL) {
        fail("a table");
    }
    free(output);
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        char *word = line;
        long count = strtol(line, &word, 10);
        add(table, word + 1, count);
    }
}

/* Others see the shared file, whole, once it is closed. */
static void store(const struct table *table, const char *name)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "faasm://counts/%s", name);
    if (mkdir("faasm://counts", 0777) != 0 && errno != EEXIST) {
        fail("faasm://counts");
    }
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        fail(path);
    }
    write_words(file, table, table->count);
    if (fclose(file) != 0) {
        fail(path);
    }
}

int main(void)
{
    char name[NAME_MAX + 1] = {0}, path[NAME_MAX + 16];
    faasmGetInput(name, sizeof name - 1);
    if (name[0] == '\0') {
        strcpy(name, "texts");
    }
    if (strchr(name, '/') != NULL) {
        fprintf(stderr, "the input is: the name of a directory\n");
        return 1;
    }
    snprintf(path, sizeof path, "faasm://%s", name);

    struct parts all = start(path);
    struct table table = {0};
    for (size_t i = 0; i < all.count; i++) {
        collect(&all.parts[i], &table);
    }
    long words = 0;
    for (size_t i = 0; i < table.count; i++) {
        words += table.words[i].count;
    }
    merge(&table);
    qsort(table.words, table.count, sizeof *table.words, by_count);
    store(&table, name);
    printf("%zu files, %ld words, %zu different\n", all.count, words, table.count);
    write_words(stdout, &table, TOP);
    return 0;
}
