"""What is new in every call, and what is from the upload."""

import os
import random
import secrets
import sys
import tempfile
import uuid

# At import, so that whatever state they keep is in the image.
AT_UPLOAD = [random.random(), str(uuid.uuid4()), secrets.token_hex(8), random.gauss(0, 1)]
OWN = random.Random()
SEEDED = random.Random(42)
SYSTEM = random.SystemRandom()
NAMES = tempfile._get_candidate_names()
next(NAMES)
print("printed at import")
imports = 0
imports += 1


def draw():
    """A line a generator: nothing of it may come again in another call."""
    drawn = [
        random.random(),
        random.getrandbits(64),
        random.sample(range(10**9), 3),
        random.gauss(0, 1),
        random.randbytes(8).hex(),
        OWN.random(),
        random.Random().random(),
        SYSTEM.random(),
        uuid.uuid1(),
        uuid.uuid4(),
        secrets.token_hex(8),
        os.urandom(8).hex(),
        os.getrandom(8).hex() if hasattr(os, "getrandom") else os.urandom(8).hex(),
        next(NAMES),
        os.path.basename(tempfile.mkdtemp()),
        os.path.basename(tempfile.mkstemp()[1]),
        os.environ["FAASM_CALL_ID"],
    ]
    return "\n".join(map(str, drawn))


def seeded():
    """What the file seeded itself goes on from there, the same in every call."""
    random.seed("mine")
    return f"{SEEDED.random():.6f} {random.random():.6f}"


def uploaded():
    return f"{imports} {AT_UPLOAD[1]}"


def environment():
    return "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))


def clock():
    import time

    before = time.monotonic_ns()
    time.sleep(0.002)
    return f"{time.time():.3f} {time.monotonic_ns() - before}"


def hashes():
    """Of texts: the same for all calls of one upload, since tables in the image rely on it."""
    return str(hash("text"))


def paths():
    return " ".join([os.getcwd(), *sys.path, tempfile.gettempdir(), sys.platform, sys.version.split()[0]])
