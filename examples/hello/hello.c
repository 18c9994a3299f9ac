/*
 * The smallest function that answers: it greets whoever the input names, on standard
 * output.
 *
 *     faasm invoke demo hello -i Ada        prints: Hello, Ada!
 */
#include <faasm/faasm.h>
#include <stdio.h>

int main(void)
{
    /* One byte stays 0 and ends the text, however long the input is. */
    char name[100] = {0};
    faasmGetInput(name, sizeof name - 1);
    printf("Hello, %s!\n", name[0] ? name : "world");
    return 0;
}
