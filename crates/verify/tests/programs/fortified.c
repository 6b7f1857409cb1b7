/* Needs a function that only glibc has, since the compiler checks the length of the copy. */
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
    char copy[64];
    strcpy(copy, words[count - 1]);
    return puts(copy) < 0;
}
