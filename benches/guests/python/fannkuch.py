# Turns the first of a list around until one is first, for all orders: small integers in lists.
def fannkuch(n):
    order = list(range(n))
    counts = [0] * n
    most = checksum = 0
    sign = 1
    while True:
        first = order[0]
        if first:
            turned = order[:]
            flips = 0
            while first:
                turned[: first + 1] = turned[first::-1]
                first = turned[0]
                flips += 1
            if flips > most:
                most = flips
            checksum += sign * flips
        if sign > 0:
            order[0], order[1] = order[1], order[0]
            sign = -1
            continue
        order[1], order[2] = order[2], order[1]
        sign = 1
        for i in range(2, n):
            counts[i] += 1
            if counts[i] <= i:
                break
            if i == n - 1:
                return checksum * 100 + most
            counts[i] = 0
            order.insert(i + 1, order.pop(0))


def run():
    return fannkuch(8)
