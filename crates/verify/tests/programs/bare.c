/* A program without a C library, for compilers that have none. */
void _start(void) { for (;;) {} }
