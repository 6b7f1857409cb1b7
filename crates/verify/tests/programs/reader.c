/* Reads data of a shared library (data.c), of which a program at a fixed address has a copy. */
extern int counter;
int main(void) { return counter == 42 ? 0 : 1; }
