/* Planets that attract each other, in steps of time; returns their energy. */
#include "kernel.h"

#include <math.h>

enum { BODIES = 5, STEPS = 2500000 };

typedef struct {
    double place[3], speed[3], mass;
} Body;

static Body bodies[BODIES];

/* The square of how far apart two bodies are, and the way from the second to the first. */
static double apart(const Body *a, const Body *b, double way[3])
{
    double square = 0;
    for (int axis = 0; axis < 3; axis++) {
        way[axis] = a->place[axis] - b->place[axis];
        square += way[axis] * way[axis];
    }
    return square;
}

static void advance(double time)
{
    double way[3];
    for (int i = 0; i < BODIES; i++) {
        for (int j = i + 1; j < BODIES; j++) {
            double square = apart(&bodies[i], &bodies[j], way);
            double pull = time / (square * sqrt(square));
            for (int axis = 0; axis < 3; axis++) {
                bodies[i].speed[axis] -= way[axis] * bodies[j].mass * pull;
                bodies[j].speed[axis] += way[axis] * bodies[i].mass * pull;
            }
        }
    }
    for (int i = 0; i < BODIES; i++) {
        for (int axis = 0; axis < 3; axis++) {
            bodies[i].place[axis] += time * bodies[i].speed[axis];
        }
    }
}

static double energy(void)
{
    double sum = 0, way[3];
    for (int i = 0; i < BODIES; i++) {
        const double *speed = bodies[i].speed;
        double square = speed[0] * speed[0] + speed[1] * speed[1] + speed[2] * speed[2];
        sum += bodies[i].mass * square / 2;
        for (int j = i + 1; j < BODIES; j++) {
            sum -= bodies[i].mass * bodies[j].mass / sqrt(apart(&bodies[i], &bodies[j], way));
        }
    }
    return sum;
}

double kernel(void)
{
    for (int i = 0; i < BODIES; i++) {
        double far = 3.0 * i;
        bodies[i] = (Body){
            .place = {far, far / 10, -far / 20},
            .speed = {0, i == 0 ? 0 : sqrt(30.0 / far), 0.01 * i},
            .mass = i == 0 ? 30 : 0.01 * i,
        };
    }
    for (int step = 0; step < STEPS; step++) {
        advance(0.001);
    }
    return energy();
}
