/* Calls a function of a shared library, but only if it has arguments. */
int answer(void);
int main(int count, char **words) { return count > 1 ? answer() != 42 : 0; }
