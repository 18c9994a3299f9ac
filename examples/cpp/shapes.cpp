/*
 * Modern C++ in a function: iostreams, a static constructor, containers, algorithms,
 * smart pointers and virtual calls. Each line of the input describes a shape (`circle 2`,
 * `rectangle 3 4`); the answer lists them by area.
 *
 *     faasm invoke demo shapes -i 'circle 2'
 */
#include <faasm/input.h>

#include <algorithm>
#include <functional>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

namespace {

class Shape {
public:
    virtual ~Shape() = default;
    virtual double area() const = 0;
    virtual std::string name() const = 0;
};

class Circle : public Shape {
public:
    explicit Circle(std::istream &in) { in >> radius; }
    double area() const override { return 3.141592653589793 * radius * radius; }
    std::string name() const override { return "circle"; }

private:
    double radius = 0;
};

class Rectangle : public Shape {
public:
    explicit Rectangle(std::istream &in) { in >> width >> height; }
    double area() const override { return width * height; }
    std::string name() const override { return "rectangle"; }

private:
    double width = 0, height = 0;
};

using Maker = std::function<std::unique_ptr<Shape>(std::istream &)>;

// Filled before `main` runs, as for any C++ program.
const std::map<std::string, Maker> makers = {
    {"circle", [](std::istream &in) { return std::make_unique<Circle>(in); }},
    {"rectangle", [](std::istream &in) { return std::make_unique<Rectangle>(in); }},
};

} // namespace

int main()
{
    std::istringstream input(faasm::getStringInput("circle 1\nrectangle 2 3\nrectangle 1 1\n"));
    std::vector<std::unique_ptr<Shape>> shapes;
    for (std::string line; std::getline(input, line);) {
        std::istringstream words(line);
        std::string kind;
        if (!(words >> kind)) {
            continue;
        }
        auto maker = makers.find(kind);
        if (maker == makers.end()) {
            std::cerr << "no shape is called " << kind << std::endl;
            return 1;
        }
        auto shape = maker->second(words);
        if (!words) {
            std::cerr << "a " << kind << " needs its numbers: " << line << std::endl;
            return 1;
        }
        shapes.push_back(std::move(shape));
    }

    std::sort(shapes.begin(), shapes.end(),
              [](const auto &a, const auto &b) { return a->area() > b->area(); });
    std::cout << std::fixed << std::setprecision(2);
    for (const auto &shape : shapes) {
        std::cout << std::setw(10) << std::left << shape->name() << shape->area() << "\n";
    }
    double total = std::accumulate(shapes.begin(), shapes.end(), 0.0,
                                   [](double sum, const auto &shape) { return sum + shape->area(); });
    std::cout << std::setw(10) << "total" << total << "\n";
    return 0;
}
