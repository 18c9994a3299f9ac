# Objects to bytes and back.
import pickle
from datetime import datetime, timedelta


class Order:
    def __init__(self, number):
        self.number = number
        self.placed = datetime(2025, 1, 1) + timedelta(minutes=number)
        self.lines = [(f"item {i}", i * 0.5, number * i) for i in range(8)]
        self.notes = {"gift": number % 2 == 0, "colour": ["red", "green"][number % 2]}


ORDERS = [Order(number) for number in range(500)]


def run():
    total = 0
    for _ in range(8):
        data = pickle.dumps(ORDERS)
        total += len(data) + sum(order.number for order in pickle.loads(data))
    return total
