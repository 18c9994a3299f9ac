# Generators of generators: a tree walked lazily, queens on a board, pipelines.
from itertools import chain, islice, permutations


class Tree:
    def __init__(self, left, value, right):
        self.left = left
        self.value = value
        self.right = right

    def __iter__(self):
        if self.left:
            yield from self.left
        yield self.value
        if self.right:
            yield from self.right


def tree(values):
    if not values:
        return None
    middle = len(values) // 2
    return Tree(tree(values[:middle]), values[middle], tree(values[middle + 1 :]))


def queens(n):
    columns = range(n)
    for rows in permutations(columns):
        if n == len({rows[i] + i for i in columns}) == len({rows[i] - i for i in columns}):
            yield rows


def primes():
    found = []
    number = 2
    while True:
        if all(number % prime for prime in found if prime * prime <= number):
            found.append(number)
            yield number
        number += 1


def run():
    total = sum(chain.from_iterable(tree(range(4_000)) for _ in range(4)))
    total += sum(rows[0] for rows in queens(7))
    return total + sum(islice(primes(), 400))
