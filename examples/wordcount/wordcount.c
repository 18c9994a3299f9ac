/*
 * Counts the words of its input and prints the most frequent ones, most frequent first
 * and words of the same count in alphabetical order. A word is a run of ASCII letters,
 * digits and bytes of other scripts; letters count the same in both cases.
 *
 *     faasm invoke demo wordcount -f book.txt
 */
#include <ctype.h>
#include <faasm/faasm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP 10

struct word {
    const char *text;
    long count;
};

static bool belongs_to_a_word(char byte)
{
    unsigned char b = (unsigned char)byte;
    return b >= 0x80 || isalnum(b);
}

/* Cuts `text` into NUL-terminated lower-case words. Returns their number. */
static size_t split(char *text, size_t size, struct word *words)
{
    size_t count = 0;
    for (size_t at = 0; at < size; at++) {
        if (!belongs_to_a_word(text[at])) {
            text[at] = '\0';
            continue;
        }
        if (at == 0 || text[at - 1] == '\0') {
            words[count].text = &text[at];
            words[count].count = 1;
            count++;
        }
        text[at] = (char)tolower((unsigned char)text[at]);
    }
    return count;
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

/* Merges equal neighbours of sorted words. Returns the number of different ones. */
static size_t merge(struct word *words, size_t count)
{
    size_t different = 0;
    for (size_t i = 0; i < count; i++) {
        if (different > 0 && strcmp(words[different - 1].text, words[i].text) == 0) {
            words[different - 1].count++;
        } else {
            words[different++] = words[i];
        }
    }
    return different;
}

int main(void)
{
    size_t size = (size_t)faasmGetInputSize();
    char *text = calloc(size + 1, 1);
    /* Words are at least one byte apart, so there are at most half as many as bytes. */
    struct word *words = calloc(size / 2 + 1, sizeof *words);
    if (text == NULL || words == NULL) {
        fprintf(stderr, "the input of %zu bytes does not fit into memory\n", size);
        return 1;
    }
    faasmGetInput(text, (long)size);

    size_t all = split(text, size, words);
    qsort(words, all, sizeof *words, by_text);
    size_t different = merge(words, all);
    qsort(words, different, sizeof *words, by_count);

    printf("%zu words, %zu different\n", all, different);
    for (size_t i = 0; i < different && i < TOP; i++) {
        printf("%7ld %s\n", words[i].count, words[i].text);
    }
    free(words);
    free(text);
    return 0;
}
