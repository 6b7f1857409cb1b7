/* Holds the address of a function of a shared library. */
int answer(void);
int (*volatile pointer)(void) = answer;
int main(void) { return pointer() == 42 ? 0 : 1; }
