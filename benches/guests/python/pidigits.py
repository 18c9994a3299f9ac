# Digits of pi one by one: large integers.
def digits(count):
    q, r, t, i = 1, 180, 60, 2
    for _ in range(count):
        u = 3 * (3 * i + 1) * (3 * i + 2)
        y = (q * (27 * i - 12) + 5 * r) // (5 * t)
        yield y
        q, r, t = 10 * q * i * (2 * i - 1), 10 * u * (q * (5 * i - 2) + r - y * t), t * u
        i += 1


def run():
    total = 0
    for digit in digits(1_000):
        total = (total * 10 + digit) % 1_000_000_007
    return total
