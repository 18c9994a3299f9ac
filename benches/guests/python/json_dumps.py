# What services answer: records as JSON.
import json

RECORDS = [
    {
        "id": i,
        "name": f"Gerät {i}",
        "price": i * 1.25,
        "tags": ["new", "sale", None, True],
        "size": {"width": i % 7, "height": i % 11, "unit": "mm"},
        "text": 'a "quoted" line\nand another one ' * 3,
    }
    for i in range(400)
]


def run():
    return sum(len(json.dumps(RECORDS)) for _ in range(15)) + len(json.dumps(RECORDS, indent=2, sort_keys=True))
