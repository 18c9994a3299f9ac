# zlib, on text and on what hardly gets smaller.
import zlib

TEXT = b"".join(b"line %d of a text that has %d lines and says little\n" % (i, i * 31 % 101) for i in range(8_000))
NOISE = bytes((i * i * 31 + (i >> 3)) & 0xFF for i in range(100_000))


def run():
    total = 0
    for data in TEXT, NOISE:
        for level in 1, 6:
            compressed = zlib.compress(data, level)
            total += len(compressed)
            for _ in range(4):
                total += len(zlib.decompress(compressed))
        total += zlib.crc32(data) + zlib.adler32(data)
    return total
