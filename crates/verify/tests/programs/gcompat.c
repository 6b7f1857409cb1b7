/* A loader like that of Alpine's gcompat: it starts musl's loader with the program and a library to preload. */
#include <stdio.h>
#include <unistd.h>

int main(int count, char **words, char **environment) {
    char target[4096] = { 0 };
    char *arguments[] = { words[0], "--preload", "/lib/libgcompat.so.0", target, NULL };
    (void)count;
    if (readlink("/proc/self/exe", target, sizeof target - 1) < 0) return 1;
    execve("/lib/ld-musl-x86_64.so.1", arguments, environment);
    perror("execve");
    return 1;
}
