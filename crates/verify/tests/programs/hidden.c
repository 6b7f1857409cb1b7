/* A library whose function is only for programs that name its version (moved.ld). */
int other(void) { return 1; }
int counter = 42;
__asm__(".symver answer_of_v2, answer@V2");
int answer_of_v2(void) { return counter; }
