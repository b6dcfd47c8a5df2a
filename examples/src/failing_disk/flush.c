/* Loaded before libc: flushing a file fails, as on a disk that fails, once the file that FERRY_FAILS_TOLD names is there, and as long as
   the path of what is flushed ends with what is in it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd) {
    const char *told = getenv("FERRY_FAILS_TOLD");
    char end[256], link[64], path[4096];
    int file = told ? open(told, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return 0;
    ssize_t of_end = read(file, end, sizeof end);
    close(file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t of_path = readlink(link, path, sizeof path);
    return of_end > 0 && of_path >= of_end && memcmp(path + of_path - of_end, end, of_end) == 0;
}

static int flushed(long call, int fd) {
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd) {
    return flushed(SYS_fsync, fd);
}

int fdatasync(int fd) {
    return flushed(SYS_fdatasync, fd);
}
