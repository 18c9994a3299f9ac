# Equations between variables of which the strongest hold, planned anew when one comes or
# goes: small classes, virtual methods, lists.
class Strength:
    REQUIRED, PREFERRED, DEFAULT, WEAKEST = 0, 2, 4, 6


class Variable:
    def __init__(self, value):
        self.value = value
        self.constraints = []
        self.determined_by = None
        self.strength = Strength.WEAKEST
        self.mark = 0


class Constraint:
    def __init__(self, planner, strength):
        self.planner = planner
        self.strength = strength
        self.output = None

    def add(self):
        for variable in self.variables():
            variable.constraints.append(self)
        self.planner.add(self)

    def remove(self):
        for variable in self.variables():
            variable.constraints.remove(self)
        self.planner.remove(self)

    def inputs_known(self, mark):
        return all(v.mark == mark or v.determined_by is None for v in self.inputs())

    def satisfy(self, mark):
        """The constraint that has to give way, or None."""
        self.choose(mark)
        if self.output is None:
            assert self.strength != Strength.REQUIRED
            return None
        for variable in self.inputs():
            variable.mark = mark
        overridden = self.output.determined_by
        if overridden is not None:
            overridden.output = None
        self.output.determined_by = self
        self.planner.propagate(self, mark)
        self.output.mark = mark
        return overridden


class Edit(Constraint):
    def __init__(self, planner, variable, strength):
        super().__init__(planner, strength)
        self.variable = variable

    def variables(self):
        return (self.variable,)

    def inputs(self):
        return ()

    def choose(self, mark):
        free = self.variable.mark != mark and self.strength < self.variable.strength
        self.output = self.variable if free else None

    def recalculate(self):
        self.output.strength = self.strength

    def execute(self):
        pass


class Equal(Constraint):
    def __init__(self, planner, left, right, strength=Strength.REQUIRED):
        super().__init__(planner, strength)
        self.left = left
        self.right = right

    def variables(self):
        return (self.left, self.right)

    def inputs(self):
        return (self.left if self.output is self.right else self.right,)

    def choose(self, mark):
        left, right = self.left, self.right
        weaker = left if left.strength > right.strength else right
        if left.mark == mark:
            weaker = right
        elif right.mark == mark:
            weaker = left
        free = weaker.mark != mark and self.strength < weaker.strength
        self.output = weaker if free else None

    def recalculate(self):
        (source,) = self.inputs()
        self.output.strength = max(self.strength, source.strength)
        self.execute()

    def execute(self):
        if self.output is self.right:
            self.right.value = self.forward(self.left.value)
        else:
            self.left.value = self.backward(self.right.value)

    def forward(self, value):
        return value

    def backward(self, value):
        return value


class Scale(Equal):
    def __init__(self, planner, left, factor, offset, right):
        super().__init__(planner, left, right)
        self.factor = factor
        self.offset = offset

    def forward(self, value):
        return value * self.factor + self.offset

    def backward(self, value):
        return (value - self.offset) // self.factor


class Planner:
    def __init__(self):
        self.mark = 0

    def new_mark(self):
        self.mark += 1
        return self.mark

    def add(self, constraint):
        mark = self.new_mark()
        overridden = constraint.satisfy(mark)
        while overridden is not None:
            overridden = overridden.satisfy(mark)

    def remove(self, constraint):
        output = constraint.output
        if output is None:
            return
        output.determined_by = None
        output.strength = Strength.WEAKEST
        constraint.output = None
        loose = []
        todo = [output]
        while todo:
            variable = todo.pop()
            loose.extend(c for c in variable.constraints if c.output is None)
            for consumer in self.consumers(variable):
                consumer.recalculate()
                todo.append(consumer.output)
        for other in sorted(loose, key=lambda c: c.strength):
            if other.output is None:
                self.add(other)

    def consumers(self, variable):
        by = variable.determined_by
        return [c for c in variable.constraints if c is not by and c.output is not None and c.output is not variable]

    def propagate(self, constraint, mark):
        todo = [constraint]
        while todo:
            at = todo.pop()
            at.recalculate()
            todo.extend(self.consumers(at.output))

    def plan(self, sources):
        mark = self.new_mark()
        plan = []
        todo = [source for source in sources if source.output is not None]
        while todo:
            constraint = todo.pop()
            output = constraint.output
            if output.mark != mark and constraint.inputs_known(mark):
                plan.append(constraint)
                output.mark = mark
                todo.extend(self.consumers(output))
        return plan


def change(planner, variable, value):
    edit = Edit(planner, variable, Strength.PREFERRED)
    edit.add()
    plan = planner.plan([edit])
    for i in range(10):
        variable.value = value + i
        for constraint in plan:
            constraint.execute()
    edit.remove()


def chain(n):
    planner = Planner()
    variables = [Variable(0) for _ in range(n)]
    for left, right in zip(variables, variables[1:]):
        Equal(planner, left, right).add()
    Edit(planner, variables[-1], Strength.DEFAULT).add()
    change(planner, variables[0], 100)
    return variables[-1].value


def projections(n):
    planner = Planner()
    pairs = []
    for i in range(n):
        source, target = Variable(i), Variable(0)
        Edit(planner, source, Strength.DEFAULT).add()
        Scale(planner, source, 10, 1000, target).add()
        pairs.append((source, target))
    for i in range(0, n, 10):
        source, target = pairs[i]
        change(planner, source, 17)
        change(planner, target, 10_500)
    return sum(source.value + target.value for source, target in pairs)


def run():
    return sum(chain(600) * 1_000_000 + projections(600) for _ in range(6))
