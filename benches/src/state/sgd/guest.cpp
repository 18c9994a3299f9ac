/*
 * The phases of the example, each in a call of its own, so that training alone is timed. The
 * input has the name of a phase and the example's numbers:
 *
 *     generate|train|judge EXAMPLES FEATURES WORKERS EPOCHS
 */
#define main whole_example
#include "../../../../examples/sgd/sgd.cpp"
#undef main

int main()
{
    char phase[16] = "";
    Task all = {};
    unsigned workers = 0, epochs = 0;
    if (std::sscanf(faasm::getStringInput(""), "%15s %u %u %u %u", phase, &all.examples,
                    &all.features, &workers, &epochs) != 5) {
        return 1;
    }
    all.count = all.examples;
    Task training = all, test = all;
    test.count = all.examples / 10;
    training.count = test.first = all.examples - test.count;

    if (std::strcmp(phase, "generate") == 0) {
        share_out(generate, all, workers);
    } else if (std::strcmp(phase, "train") == 0) {
        for (unsigned epoch = 0; epoch < epochs; epoch++) {
            training.rate = first_rate / static_cast<float>(1 + epoch);
            share_out(train, training, workers);
        }
    } else {
        std::printf("%.6f\n", share_out(judge, test, workers).loss / test.count);
    }
    return 0;
}
