# What services are asked: places and their measurements, from JSON.
import json

PLACES = (
    '{"type": "Feature", "id": %d, "geometry": {"type": "Point", "coordinates": [%.5f, %.5f]}, "open": true, '
    '"properties": {"name": "Plätze \\u2116 %d", "since": null, "note": "one \\"quoted\\" word", "values": %s}}'
)
TEXT = "[%s]" % ", ".join(
    PLACES % (i, i * 0.37 - 60, i * 0.91 - 170, i, [i * k % 1_009 for k in range(12)]) for i in range(400)
)


def run():
    return sum(sum(json.loads(TEXT)[i]["properties"]["values"]) for i in range(25))
