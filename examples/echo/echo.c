/*
 * Answers with its input, byte for byte: input of any size is read into memory and set
 * as the output.
 *
 *     faasm invoke demo echo -i 'some text'     prints: some text
 */
#include <faasm/faasm.h>
#include <stdlib.h>

int main(void)
{
    long size = faasmGetInputSize();
    if (size == 0) {
        return 0;
    }
    unsigned char *input = malloc((size_t)size);
    if (input == NULL) {
        return 1;
    }
    faasmGetInput(input, size);
    faasmSetOutput(input, size);
    free(input);
    return 0;
}
