/* Where older programs look for what is now in "faasm/faasm.h". */
#ifndef FAASM_CORE_H
#define FAASM_CORE_H

#include "faasm/faasm.h"

#endif
