/*
 * The kernel's own price of a container: a process in new namespaces, an overlay as its root, exec.
 *   floor LOWER UPPER WORK TARGET PROGRAM
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fail(const char *what) {
  perror(what);
  _exit(125);
}

static void child(char **argv) {
  char options[4096];
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", argv[1], argv[2], argv[3]);
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) fail("make / private");
  if (mount("overlay", argv[4], "overlay", 0, options)) fail("mount overlay");
  if (chdir(argv[4])) fail("chdir");
  if (syscall(SYS_pivot_root, ".", ".")) fail("pivot_root");
  if (umount2(".", MNT_DETACH)) fail("umount");
  execl(argv[5], argv[5], (char *)NULL);
  fail("exec");
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
                        CLONE_NEWCGROUP | SIGCHLD;
  pid_t pid = (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
  if (pid < 0) fail("clone");
  if (pid == 0) child(argv);
  int status;
  if (waitpid(pid, &status, 0) != pid) fail("wait");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
