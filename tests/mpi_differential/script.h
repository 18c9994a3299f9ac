/*
 * A script says what all ranks do, line by line; every rank reads all of it, and does its part.
 * What arrives anywhere is printed, and everything that is sent depends on what arrived before.
 */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <mpi.h>
#include <stddef.h>
#include <stdint.h>

enum { MOST_COMMS = 256, MOST_TYPES = 256, BASIC_TYPES = 14 };

extern int rank;

/* By the order in which they are made. The first is the world; where this rank is no member,
   there is none. */
extern MPI_Comm comms[MOST_COMMS];
extern int comm_count;

/* The basic ones, then those that the script makes. */
extern MPI_Datatype types[MOST_TYPES];
extern int type_count;

/* The next number, or word, of the script. */
long number(void);
const char *word(void);
/* Which of the names, behind which NULL stands, the next word is. */
int one_of(const char *const *names);
/* The next numbers; the caller frees them. */
int *numbers(int count);

/* Prints a line of this rank, with the number of the script's line. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Changes what this rank sends from now on. */
void learn(uint64_t what);
/* The next random number of this rank. */
uint64_t random_number(void);
void fail(const char *what);

/* Room for elements of a type. Its beginning may lie anywhere in the memory. */
struct buffer {
    unsigned char *memory;
    size_t length;
    void *start;
};

/* Filled with random bytes, or all the same. */
struct buffer buffer_of(int count, MPI_Datatype type, int is_random);
/* The value of all bytes, those outside of the elements too; the memory is freed. */
uint64_t end_of(struct buffer *buffer);
uint64_t hash_of(const void *bytes, size_t length);

/* With some libraries the types are no constants, so that this has to be run. */
void name_basic_types(void);

/* What lines of the script do, by their first words. */
void make_type(void);
void make_comm(void);
void free_comm(void);
void show_groups(void);
void show_grid(void);
void pack_and_unpack(void);
void exchange(void);
void shift(void);
void collective(void);

#endif
