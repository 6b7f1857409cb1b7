/* A library without versions of its own, which needs those of the C library. */
#include <stdlib.h>
int counter = 42;
int answer(void) { return getenv("QUESTION") ? 0 : counter; }
