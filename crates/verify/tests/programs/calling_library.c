/* A library that calls a function of another one (library.c). */
int answer(void);
int ask(void) { return answer(); }
