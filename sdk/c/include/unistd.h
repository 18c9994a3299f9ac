/*
 * What Faasm has beyond the <unistd.h> of the C library.
 */
#ifndef FAASM_UNISTD_H
#define FAASM_UNISTD_H

#include_next <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A new descriptor for the same open file; -1, without errno, if there can be none. */
int dup(int fd);

#ifdef __cplusplus
}
#endif
#endif
