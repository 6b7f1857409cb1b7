/* Stops on pages that are too large, as jemalloc does (pages_boot in its src/pages.c). */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
    unsigned long os_page = (unsigned long)sysconf(_SC_PAGESIZE);
    if (os_page > PAGE) {
        fputs("<jemalloc>: Unsupported system page size\n", stderr);
        abort();
    }
    return puts("started") < 0;
}
