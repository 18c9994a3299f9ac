/*
 * Greets whoever the input names. `main` runs once for every call; what it returns is
 * the call's return value.
 */
#include <faasm/faasm.h>
#include <stdio.h>

int main(void)
{
    char name[100] = {0};
    faasmGetInput(name, sizeof name - 1);
    printf("Hello, %s!\n", name[0] ? name : "world");
    return 0;
}
