/* A kernel: fills its arrays, computes, and returns a sum of the results. It is the same,
 * to the last bit, wherever it runs: no kernel's result depends on the order of additions
 * that a compiler may change. */
#pragma once

#ifdef __wasm__
__attribute__((export_name("kernel")))
#endif
double kernel(void);
