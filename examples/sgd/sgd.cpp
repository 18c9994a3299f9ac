/*
 * Parallel stochastic gradient descent in the manner of HOGWILD!: workers train one
 * logistic regression on sparse examples. They share the weights in mapped state and take
 * no locks: an update that is lost now and then does no harm, since each touches few of
 * the weights, and waiting for locks would cost more.
 *
 * The input has the numbers of examples, features, workers and epochs. The examples are
 * made up, always the same ones; the last tenth of them is kept for judging the result.
 *
 *     faasm invoke demo sgd -i '50000 1000 4 5'
 */
#include <faasm/faasm.h>
#include <faasm/input.h>
#include <faasm/state.hpp>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

/* An example has this many features that are not zero. */
constexpr std::uint32_t entries_each = 32;

/* One of 20 labels is wrong: no model can be right about more than 95 %. */
constexpr double wrong_labels = 0.05;

/* How far one example moves the weights in the first epoch; later ones move them less. */
constexpr float first_rate = 0.02f;

struct Entry {
    std::uint32_t feature;
    float value;
};

/* A worker's input: some of the examples, and what to do with them. */
struct Task {
    std::uint32_t examples, features, first, count;
    float rate;
};

/* How well the weights do on a range of examples. */
struct Score {
    double loss;
    std::uint32_t right;
};

/* The examples of a task: a row of entries each, and a label that is 1 or -1. */
template <typename EntryType, typename Label> struct Examples {
    faasm::SharedMatrix<EntryType> entries;
    faasm::SharedArray<Label> labels;

    explicit Examples(const Task &task)
        : entries("sgd.entries", task.examples, entries_each, task.first, task.count),
          labels("sgd.labels", task.examples, task.first, task.count)
    {
    }
};

faasm::SharedArray<float> all_weights(const Task &task)
{
    return faasm::SharedArray<float>("sgd.weights", task.features);
}

/* Random numbers that depend on nothing but the seed. */
class Random {
public:
    explicit Random(std::uint64_t seed) : state(seed * 0x9e3779b97f4a7c15) {}

    /* At least 0 and below 1. */
    double next()
    {
        state += 0x9e3779b97f4a7c15;
        std::uint64_t bits = state;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        bits ^= bits >> 31;
        return static_cast<double>(bits >> 11) / 9007199254740992.0;
    }

private:
    std::uint64_t state;
};

/* What training is to find out, more or less. */
double true_weight(std::uint32_t feature)
{
    return Random(~std::uint64_t{feature}).next() * 2 - 1;
}

Task read_task()
{
    Task task = {};
    faasmGetInput(&task, sizeof task);
    return task;
}

/* A worker: makes up its examples. */
int generate()
{
    const Task task = read_task();
    const Examples<Entry, float> out(task);
    for (std::uint32_t i = 0; i < task.count; i++) {
        Random random(task.first + i);
        double sum = 0;
        for (Entry *entry = out.entries.row(task.first + i), *end = entry + entries_each;
             entry != end; entry++) {
            // Squared, so that some features are frequent and most are rare.
            const double at = random.next();
            entry->feature = static_cast<std::uint32_t>(at * at * task.features);
            entry->value = static_cast<float>(0.5 + random.next());
            sum += entry->value * true_weight(entry->feature);
        }
        const bool flip = random.next() < wrong_labels;
        out.labels[i] = (sum > 0) != flip ? 1.0f : -1.0f;
    }
    return 0;
}

/* What the weights say of an example: above 0 for the label 1. */
float margin(const float *weights, const Entry *entries)
{
    float sum = 0;
    for (std::uint32_t i = 0; i < entries_each; i++) {
        sum += weights[entries[i].feature] * entries[i].value;
    }
    return sum;
}

/* A worker: goes through its examples once and moves the shared weights. */
int train()
{
    const Task task = read_task();
    const Examples<const Entry, const float> in(task);
    const auto shared = all_weights(task);
    float *const weights = shared.data();
    for (std::uint32_t i = 0; i < task.count; i++) {
        const Entry *entries = in.entries.row(task.first + i);
        const float label = in.labels[i];
        const float error = 1 / (1 + std::exp(label * margin(weights, entries)));
        const float step = task.rate * label * error;
        for (std::uint32_t j = 0; j < entries_each; j++) {
            weights[entries[j].feature] += step * entries[j].value;
        }
    }
    return 0;
}

/* A worker: answers with the score of its examples. */
int judge()
{
    const Task task = read_task();
    const Examples<const Entry, const float> in(task);
    const auto weights = all_weights(task);
    Score score = {};
    for (std::uint32_t i = 0; i < task.count; i++) {
        const Entry *entries = in.entries.row(task.first + i);
        const double right_by = in.labels[i] * margin(weights.data(), entries);
        score.loss += std::log1p(std::exp(-right_by));
        score.right += right_by > 0;
    }
    faasmSetOutput(&score, sizeof score);
    return 0;
}

/*
 * Shares the task's examples out to workers that run beside each other, and adds up the
 * scores of those that give one.
 */
Score share_out(FaasmFuncPtr work, const Task &task, std::uint32_t workers)
{
    std::vector<unsigned int> calls;
    for (std::uint32_t i = 0; i < workers; i++) {
        Task part = task;
        // No overflow: there are at most a million examples and 64 workers.
        part.first = task.first + task.count * i / workers;
        part.count = task.first + task.count * (i + 1) / workers - part.first;
        calls.push_back(faasmChain(work, &part, sizeof part));
    }
    Score total = {};
    bool failed = false;
    for (unsigned int call : calls) {
        char *output = nullptr;
        int length = 0;
        failed |= faasmAwaitCallOutput(call, &output, &length) != 0;
        Score score = {};
        if (length == sizeof score) {
            std::memcpy(&score, output, sizeof score);
        }
        std::free(output);
        total.loss += score.loss;
        total.right += score.right;
    }
    if (failed) {
        std::fprintf(stderr, "a worker failed\n");
        std::exit(1);
    }
    return total;
}

} // namespace

int main()
{
    unsigned examples = 50000, features = 1000, workers = 4, epochs = 5;
    const int given = std::sscanf(faasm::getStringInput(""), "%u %u %u %u", &examples, &features,
                                  &workers, &epochs);
    if (given == 0 || examples < 10 || examples > 1000000 || features < 1 || features > 10000000 ||
        workers < 1 || workers > 64 || epochs < 1 || epochs > 100) {
        std::fprintf(stderr, "the input is: EXAMPLES (10 to 1000000) FEATURES (1 to 10000000) "
                             "WORKERS (1 to 64) EPOCHS (1 to 100)\n");
        return 1;
    }
    // Calls that run at the same time would train the same weights: one waits for the other.
    const faasm::WriteLock one_at_a_time("sgd");

    const Task all = {examples, features, 0, examples, 0};
    Task training = all;
    training.count = examples - examples / 10;
    Task test = all;
    test.first = training.count;
    test.count = examples / 10;

    share_out(generate, all, workers);
    for (float &weight : all_weights(all)) {
        weight = 0;
    }
    const Score before = share_out(judge, test, workers);
    for (unsigned epoch = 0; epoch < epochs; epoch++) {
        training.rate = first_rate / static_cast<float>(1 + epoch);
        share_out(train, training, workers);
    }
    const Score after = share_out(judge, test, workers);
    std::printf("loss %.3f before, %.3f after\naccuracy %.1f %%\n", before.loss / test.count,
                after.loss / test.count, 100.0 * after.right / test.count);
    return 0;
}
