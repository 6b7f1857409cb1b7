/* Starts a program in a directory as a container does: launch ROOT DIRECTORY UID GID PRIVILEGES PROGRAM [NAME=VALUE…]
   PRIVILEGES is `new` or `none` (no_new_privs). The program gets exactly this environment and no argument. */
#define _GNU_SOURCE
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int count, char **words) {
    if (count < 7) return 99;
    gid_t group = atoi(words[4]);
    char *arguments[] = { words[6], NULL };
    /* Loaders read /proc/self/exe. */
    char processes[4096];
    snprintf(processes, sizeof processes, "%s/proc", words[1]);
    mkdir(processes, 0755);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)
        || mount("/proc", processes, NULL, MS_BIND | MS_REC, NULL)) {
        perror("mount");
        return 99;
    }
    if (chroot(words[1]) || chdir(words[2]) || setgroups(0, NULL) || setgid(group) || setuid(atoi(words[3]))) {
        perror("launch");
        return 99;
    }
    if (!strcmp(words[5], "none") && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return 99;
    execve(words[6], arguments, words + 7);
    perror("exec");
    return 98;
}
