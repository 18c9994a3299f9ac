# Tasks of an operating system that hand packets to one another: attributes, methods, states.
IDLE, WORKER, HANDLER_A, HANDLER_B, DEVICE_A, DEVICE_B = range(6)
DEVICE, WORK = range(2)
DATA = 4


class Packet:
    def __init__(self, link, task, kind):
        self.link = link
        self.task = task
        self.kind = kind
        self.datum = 0
        self.data = [0] * DATA

    def append_to(self, queue):
        self.link = None
        if queue is None:
            return self
        last = queue
        while last.link is not None:
            last = last.link
        last.link = self
        return queue


class Task:
    def __init__(self, system, number, priority, queue, waiting):
        self.system = system
        self.number = number
        self.priority = priority
        self.queue = queue
        self.waiting = waiting
        self.held = False
        self.next = system.tasks
        system.tasks = self
        system.table[number] = self

    def is_runnable(self):
        return not self.held and (not self.waiting or self.queue is not None)

    def take(self):
        packet = None
        if self.waiting and self.queue is not None:
            packet = self.queue
            self.queue = packet.link
        self.waiting = False
        return packet

    def add(self, packet, sender):
        had_some = self.queue is not None
        self.queue = packet.append_to(self.queue)
        return self if not had_some and self.priority > sender.priority else sender

    def wait(self):
        self.waiting = True
        return self

    def hold(self):
        self.system.held += 1
        self.held = True
        return self.next

    def send(self, packet):
        receiver = self.system.table[packet.task]
        self.system.sent += 1
        packet.link = None
        packet.task = self.number
        return receiver.add(packet, self)

    def release(self, number):
        task = self.system.table[number]
        task.held = False
        return task if task.priority > self.priority else self


class Idle(Task):
    def __init__(self, system, count):
        super().__init__(system, IDLE, 0, None, False)
        self.control = 1
        self.count = count

    def work(self, packet):
        self.count -= 1
        if self.count == 0:
            return self.hold()
        if self.control & 1 == 0:
            self.control //= 2
            return self.release(DEVICE_A)
        self.control = self.control // 2 ^ 0xD008
        return self.release(DEVICE_B)


class Worker(Task):
    def __init__(self, system, queue):
        super().__init__(system, WORKER, 1000, queue, True)
        self.destination = HANDLER_A
        self.letter = 0

    def work(self, packet):
        if packet is None:
            return self.wait()
        self.destination = HANDLER_B if self.destination == HANDLER_A else HANDLER_A
        packet.task = self.destination
        packet.datum = 0
        for i in range(DATA):
            self.letter = self.letter % 26 + 1
            packet.data[i] = 64 + self.letter
        return self.send(packet)


class Handler(Task):
    def __init__(self, system, number, priority, queue):
        super().__init__(system, number, priority, queue, True)
        self.works = None
        self.devices = None

    def work(self, packet):
        if packet is not None:
            if packet.kind == WORK:
                self.works = packet.append_to(self.works)
            else:
                self.devices = packet.append_to(self.devices)
        work = self.works
        if work is None:
            return self.wait()
        if work.datum >= DATA:
            self.works = work.link
            return self.send(work)
        device = self.devices
        if device is None:
            return self.wait()
        self.devices = device.link
        device.datum = work.data[work.datum]
        work.datum += 1
        return self.send(device)


class Device(Task):
    def __init__(self, system, number, priority):
        super().__init__(system, number, priority, None, True)
        self.pending = None

    def work(self, packet):
        if packet is None:
            packet = self.pending
            if packet is None:
                return self.wait()
            self.pending = None
            return self.send(packet)
        self.pending = packet
        return self.hold()


class System:
    def __init__(self, count):
        self.tasks = None
        self.table = [None] * 6
        self.held = self.sent = 0
        Idle(self, count)
        Worker(self, Packet(Packet(None, WORKER, WORK), WORKER, WORK))
        for handler, device, priority in (HANDLER_A, DEVICE_A, 2000), (HANDLER_B, DEVICE_B, 3000):
            queue = None
            for _ in range(3):
                queue = Packet(queue, device, DEVICE)
            Handler(self, handler, priority, queue)
        Device(self, DEVICE_A, 4000)
        Device(self, DEVICE_B, 5000)

    def schedule(self):
        task = self.tasks
        while task is not None:
            task = task.work(task.take()) if task.is_runnable() else task.next


def run():
    system = System(5_000)
    system.schedule()
    return system.sent * 1_000_000 + system.held
