/* Calls a function of a shared library (library.c). */
int answer(void);
int main(void) { return answer() == 42 ? 0 : 1; }
