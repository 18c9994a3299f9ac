# A norm of an endless matrix whose entries are functions: calls, and floats.
def entry(i, j):
    return 1.0 / ((i + j) * (i + j + 1) // 2 + i + 1)


def times(vector):
    return [sum(entry(i, j) * x for j, x in enumerate(vector)) for i in range(len(vector))]


def transposed_times(vector):
    return [sum(entry(j, i) * x for j, x in enumerate(vector)) for i in range(len(vector))]


def run():
    u = [1.0] * 80
    for _ in range(6):
        v = transposed_times(times(u))
        u = transposed_times(times(v))
    dot = sum(a * b for a, b in zip(u, v))
    return (dot / sum(b * b for b in v)) ** 0.5
