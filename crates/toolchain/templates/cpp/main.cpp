// Greets whoever the input names. `main` runs once for every call; what it returns is
// the call's return value.
#include <faasm/input.h>

#include <iostream>
#include <string>

int main()
{
    std::string name = faasm::getStringInput("world");
    std::cout << "Hello, " << name << "!" << std::endl;
    return 0;
}
