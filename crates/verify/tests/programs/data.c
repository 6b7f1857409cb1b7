/* Data of a library, and a function that reads it. */
int counter = 42;
int answer(void) { return counter; }
