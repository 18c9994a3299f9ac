"""Counts the words of all shared files in a directory: one chained call for each file, and
their counts added up. Prints the most frequent words, most frequent first and words of the
same count in alphabetical order, and writes the counts of all words to the shared file
faasm://counts/DIRECTORY. The directory's name is the input, texts without one.

    faasm file put -r books texts
    faasm invoke --python demo wordcount
    faasm file get counts/texts
"""

import json
import os
import re
import sys
from collections import Counter

from pyfaasm import await_call_output, chain

TOP = 10
WORD = re.compile(r"[^\W_]+")


def count_file(input: bytes) -> str:
    """Runs in the callee: counts the words of the file whose path is its input."""
    with open(input.decode(), encoding="utf-8", errors="replace") as file:
        return json.dumps(Counter(WORD.findall(file.read().lower())))


def count_directory(path: str) -> tuple[int, Counter[str]]:
    """Counts the words of all files at `path`, and says how many files there are."""
    files = [entry.path for entry in os.scandir(path) if entry.is_file()]
    calls = [chain(count_file, file.encode()) for file in files]
    words: Counter[str] = Counter()
    for file, call in zip(files, calls):
        status, output = await_call_output(call)
        if status != 0:
            sys.exit(f"the words of {file} could not be counted")
        words.update(json.loads(output))
    return len(files), words


def lines(words: list[tuple[str, int]]) -> str:
    return "".join(f"{count:7} {word}\n" for word, count in words)


def faasm_main(input: bytes) -> None:
    name = input.decode() or "texts"
    if "/" in name:
        sys.exit("the input is: the name of a directory")
    files, words = count_directory(f"/{name}")
    ranked = sorted(words.items(), key=lambda item: (-item[1], item[0]))

    # Others see the shared file, whole, once it is closed.
    os.makedirs("faasm://counts", exist_ok=True)
    with open(f"faasm://counts/{name}", "w") as file:
        file.write(lines(ranked))
    print(f"{files} files, {words.total()} words, {len(words)} different")
    print(lines(ranked[:TOP]), end="")
