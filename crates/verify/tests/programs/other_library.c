/* A later version of library.c, which has lost its function. */
int question(void) { return 6 * 7; }
