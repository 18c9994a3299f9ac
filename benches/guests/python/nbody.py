# Planets around the sun: floats in lists, and loops.
from math import pi, sqrt

MASS = 4 * pi * pi
DAYS = 365.24


def planets():
    return [
        [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], MASS],
        [
            [4.84143144246472090, -1.16032004402742839, -0.103622044471123109],
            [0.00166007664274403694 * DAYS, 0.00769901118419740425 * DAYS, -6.90460016972063023e-05 * DAYS],
            0.000954791938424326609 * MASS,
        ],
        [
            [8.34336671824457987, 4.12479856412430479, -0.403523417114321381],
            [-0.00276742510726411012 * DAYS, 0.00499852801234917238 * DAYS, 2.30417297573763929e-05 * DAYS],
            0.000285885980666130812 * MASS,
        ],
        [
            [12.8943695621391310, -15.1111514016986312, -0.223307578892655734],
            [0.00296460137564761618 * DAYS, 0.00237847173959480950 * DAYS, -2.96589568540237556e-05 * DAYS],
            4.36624404335156298e-05 * MASS,
        ],
        [
            [15.3796971148509165, -25.9193146099879641, 0.179258772950371181],
            [0.00268067772490389322 * DAYS, 0.00162824170038242295 * DAYS, -9.51592254519715870e-05 * DAYS],
            5.15138902046611451e-05 * MASS,
        ],
    ]


def advance(pairs, bodies, step, count):
    for _ in range(count):
        for (p1, v1, m1), (p2, v2, m2) in pairs:
            dx = p1[0] - p2[0]
            dy = p1[1] - p2[1]
            dz = p1[2] - p2[2]
            squared = dx * dx + dy * dy + dz * dz
            force = step / (squared * sqrt(squared))
            f1 = m1 * force
            f2 = m2 * force
            v1[0] -= dx * f2
            v1[1] -= dy * f2
            v1[2] -= dz * f2
            v2[0] += dx * f1
            v2[1] += dy * f1
            v2[2] += dz * f1
        for position, velocity, _ in bodies:
            position[0] += step * velocity[0]
            position[1] += step * velocity[1]
            position[2] += step * velocity[2]


def run():
    bodies = planets()
    pairs = [(a, b) for i, a in enumerate(bodies) for b in bodies[i + 1 :]]
    advance(pairs, bodies, 0.01, 10_000)
    return sum(position[0] for position, _, _ in bodies)
