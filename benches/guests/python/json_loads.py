# What services are asked: records from JSON.
import json

TEXT = json.dumps(
    [
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
)


def run():
    return sum(json.loads(TEXT)[i]["price"] for i in range(25))
