/* A later version of data.c, with something else under the first version (moved.ld). */
int other(void) { return 1; }
int counter = 42;
int answer(void) { return counter; }
