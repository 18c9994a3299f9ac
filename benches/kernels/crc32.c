/* The checksum of Ethernet and gzip, a byte at a time from a table. */
#include "kernel.h"

#include <stdint.h>

enum { SIZE = 4 << 20, PASSES = 24 };

static uint8_t bytes[SIZE];
static uint32_t table[256];

static uint32_t update(uint32_t crc)
{
    for (int i = 0; i < SIZE; i++) {
        crc = table[(crc ^ bytes[i]) & 255] ^ (crc >> 8);
    }
    return crc;
}

double kernel(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? 0xedb88320 ^ (crc >> 1) : crc >> 1;
        }
        table[i] = crc;
    }
    uint32_t random = 1;
    for (int i = 0; i < SIZE; i++) {
        random = random * 1664525 + 1013904223;
        bytes[i] = random >> 24;
    }
    uint32_t crc = 0xffffffff;
    for (int pass = 0; pass < PASSES; pass++) {
        crc = update(crc);
    }
    return crc ^ 0xffffffff;
}
