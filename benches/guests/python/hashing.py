# Hashes of large and of small messages.
import hashlib
import hmac

LARGE = bytes(range(256)) * 4_096


def run():
    total = 0
    for name in "md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b":
        digest = hashlib.new(name, LARGE).digest()
        for _ in range(400):
            digest = hashlib.new(name, digest).digest()
        total += int.from_bytes(digest[:4])
    key = b"key"
    for i in range(1_000):
        key = hmac.digest(key, b"message %d" % i, "sha256")
    return total + key[0]
