# Lists, dictionaries, sets and heaps: counting, grouping, sorting.
from collections import Counter, defaultdict, deque
from heapq import heappop, heappush
from operator import itemgetter

NUMBERS = [i * i * 7_919 % 10_007 for i in range(20_000)]


def run():
    total = 0
    for _ in range(2):
        groups = defaultdict(list)
        for i, number in enumerate(NUMBERS):
            groups[number % 97].append((number, i))
        total += sum(sorted(group, key=itemgetter(1), reverse=True)[0][0] for group in groups.values())
        total += sorted(NUMBERS)[100] + sorted(NUMBERS, key=lambda number: -number)[100]
        total += sum(count for _, count in Counter(number % 1_000 for number in NUMBERS).most_common(10))
        total += len(set(NUMBERS) & {number * 2 for number in NUMBERS})
        total += sum({number: i for i, number in enumerate(NUMBERS)}.values())
        heap = []
        for number in NUMBERS[:5_000]:
            heappush(heap, number)
        total += sum(heappop(heap) * (i % 3) for i in range(5_000))
        queue = deque(NUMBERS[:5_000])
        while len(queue) > 1:
            queue.append((queue.popleft() + queue.popleft()) % 1_009)
        total += queue[0]
    return total
