# Pi in the decimal module, and money.
from decimal import ROUND_HALF_UP, Decimal, localcontext


def pi(digits):
    with localcontext() as context:
        context.prec = digits + 5
        three = Decimal(3)
        last, t, s, n, na, d, da = 0, three, 3, 1, 0, 0, 24
        while s != last:
            last = s
            n, na = n + na, na + 8
            d, da = d + da, da + 32
            t = t * n / d
            s += t
        return s


def run():
    total = sum(int(str(pi(digits))[-8:]) for digits in range(200, 500, 15))
    cent = Decimal("0.01")
    balance = Decimal("1000.00")
    for i in range(20_000):
        balance += (balance * Decimal("0.0001")).quantize(cent, ROUND_HALF_UP) - (i % 3)
    return total + float(balance)
