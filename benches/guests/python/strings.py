# Text: joined, split, formatted, looked through, encoded.
from string import Template

WORDS = [f"wörd{i * 7919 % 1_000}" for i in range(5_000)]
PAGE = Template("<tr><td>$number</td><td>$word</td><td>$upper</td></tr>")


def run():
    total = 0
    for _ in range(4):
        text = " ".join(WORDS)
        total += sum(len(word.title().replace("o", "0")) for word in text.split())
        total += text.count("d9") + text.find("wörd999") + len(text.encode()) + len(text.upper())
        rows = [f"{i:>6}|{word:<12}|{i / 3:.3f}" for i, word in enumerate(WORDS)]
        total += len("\n".join(rows))
        text = ""
        for word in WORDS:
            text += word
        total += sum(map(ord, text[::3]))
        total += sum(len(PAGE.substitute(number=i, word=w, upper=w.upper())) for i, w in enumerate(WORDS[:500]))
        total += len("%s and %r and %d" % (WORDS[0], WORDS[1:50], 5))
    return total
