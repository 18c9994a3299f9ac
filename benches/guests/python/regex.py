# Regular expressions over a log: searching, groups, replacing.
import re

LOG = "\n".join(
    f'192.168.{i % 7}.{i % 251} - user{i % 13}@example.com [{i % 28 + 1:02}/Nov/2025:10:{i % 60:02}:00 +0000] '
    f'"GET /path/{i}/index.html?q={i * 7} HTTP/1.1" {200 + i % 5} {i * 37 % 10_000}'
    for i in range(1_500)
)
LINE = re.compile(r'^(?P<host>\S+) - (?P<user>\S+) \[([^\]]+)\] "(\w+) ([^ "]+) HTTP/[\d.]+" (\d{3}) (\d+)$', re.M)
MAIL = re.compile(r"[\w.]+@[\w.]+\.(?:com|org)")
QUERY = re.compile(r"\?q=(\d+)")
DATE = re.compile(r"(?i)(\d\d)/(jan|nov|dec)/(\d{4})(?=:)")


def run():
    total = 0
    for _ in range(5):
        total += sum(int(found[7]) for found in LINE.finditer(LOG))
        total += len(set(MAIL.findall(LOG)))
        total += len(QUERY.sub(lambda found: "?q=" + found[1][::-1], LOG))
        total += len(DATE.sub(r"\3-\2-\1", LOG)) + len(re.split(r"[\s\"]+", LOG))
    return total
