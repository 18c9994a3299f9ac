/* What the parts of the program share: see guest.c. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* script.c: the operation to do, by its fields, and its answer. */
extern char buffer[1 << 20];
int next_line(void);
const char *text(int field);
long long number(int field);
int whence(int field);
/* Fills the buffer with a number of bytes, of the kind that the next field says. */
size_t data(int field);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* A result, or for a negative one errno's name. */
void answer(long long result);
/* The same for what came into the buffer, `size` at most. */
void bytes(ssize_t result, size_t size);

/* guest.c */
const char *path(int field);

/* streams.c */
void do_buffered(void);
void do_fopen(void);
void do_fclose(void);
void do_fread(void);
void do_fwrite(void);
void do_fseek(void);
void do_ungetc(void);
void do_fgets(void);
void do_fprintf(void);
void close_streams(void);
