/* A library that the server under test is started with (LD_PRELOAD), compiled when it is needed.
 *
 * It numbers every change that the process makes below one directory, and can kill the process
 * at one of them, fail or delay its syncs, and move its clock. Calls arrive from the C library's
 * callers; nothing outside the directory is touched, and without its variables it does nothing.
 *
 * TORTURE_ROOT        directory below which changes count, absolute
 * TORTURE_LOG         file that gets a line for every change: number, call, path
 * TORTURE_KILL_AT     number of the change at which the process dies
 * TORTURE_KILL_HOW    before, after, or torn (half of a write reaches the file)
 * TORTURE_FAIL_SYNC   number of the sync below TORTURE_SYNCS that fails with EIO
 * TORTURE_SYNCS       directory whose syncs fail or are slow, absolute
 * TORTURE_SYNC_MS     milliseconds that each of these syncs takes longer
 * TORTURE_READ_ONLY   file; as long as it exists, changes fail as on a read-only disk
 * TORTURE_NO_ROOM     file; as long as it exists, nothing can be written, as on a full disk
 * TORTURE_CLOCK       file with the seconds by which the wall clock is wrong
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static atomic_long changes, syncs;
static const char *root, *slow, *how, *clock_file, *read_only, *no_room;
static size_t root_length, slow_length;
static long kill_at, fail_at, slow_ms;
static int log_fd = -1;
static int (*vdso_clock)(clockid_t, struct timespec *);

__attribute__((constructor)) static void start(void) {
    const char *text;
    root = getenv("TORTURE_ROOT");
    root_length = root ? strlen(root) : 0;
    slow = getenv("TORTURE_SYNCS");
    slow_length = slow ? strlen(slow) : 0;
    how = getenv("TORTURE_KILL_HOW");
    clock_file = getenv("TORTURE_CLOCK");
    read_only = getenv("TORTURE_READ_ONLY");
    no_room = getenv("TORTURE_NO_ROOM");
    if ((text = getenv("TORTURE_KILL_AT"))) kill_at = atol(text);
    if ((text = getenv("TORTURE_FAIL_SYNC"))) fail_at = atol(text);
    if ((text = getenv("TORTURE_SYNC_MS"))) slow_ms = atol(text);
    if ((text = getenv("TORTURE_LOG")))
        log_fd = (int)syscall(SYS_openat, AT_FDCWD, text, O_WRONLY | O_CREAT | O_APPEND, 0600);
    vdso_clock = (__typeof__(vdso_clock))dlsym(RTLD_NEXT, "clock_gettime");
}

static int below(const char *path, const char *top, size_t length) {
    return top && path && strncmp(path, top, length) == 0;
}

/* The path of a descriptor; static storage of the thread. */
static const char *path_of(int fd) {
    static __thread char path[4096];
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = syscall(SYS_readlink, link, path, sizeof path - 1);
    if (length < 0) return NULL;
    path[length] = 0;
    return path;
}

/* The absolute path of a name in a directory; static storage of the thread. */
static const char *path_at(int directory, const char *name) {
    static __thread char path[8192];
    if (!name || name[0] == '/') return name;
    if (directory == AT_FDCWD) {
        char here[4096];
        if (syscall(SYS_getcwd, here, sizeof here) < 0) return name;
        snprintf(path, sizeof path, "%s/%s", here, name);
    } else {
        const char *parent = path_of(directory);
        snprintf(path, sizeof path, "%s/%s", parent ? parent : "", name);
    }
    return path;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

enum { GO_ON, DIES, REFUSED };

/* Numbers a change, and says whether the process dies at it or is refused it. */
static int change(const char *call, const char *path) {
    if (!below(path, root, root_length)) return GO_ON;
    if (read_only && syscall(SYS_access, read_only, F_OK) == 0) return REFUSED;
    long number = atomic_fetch_add(&changes, 1) + 1;
    if (log_fd >= 0) {
        char line[4400];
        int length = snprintf(line, sizeof line, "%ld %s %s\n", number, call, path + root_length);
        syscall(SYS_write, log_fd, line, length);
    }
    if (number != kill_at) return GO_ON;
    if (!how || strcmp(how, "before") == 0) die();
    return DIES;
}

/* Whether bytes for a file find no room. */
static int is_full(int fd) {
    if (!no_room || !below(path_of(fd), root, root_length)) return 0;
    if (syscall(SYS_access, no_room, F_OK) != 0) return 0;
    errno = ENOSPC;
    return 1;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define DONE(fate, result) do { \
        if ((fate) == REFUSED) { errno = EROFS; return -1; } \
        __typeof__(result) value = (result); \
        if ((fate) == DIES) die(); \
        return value; \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t count) {
    REAL(write);
    if (!root || fd < 3) return real(fd, bytes, count);
    if (is_full(fd)) return -1;
    int fate = change("write", path_of(fd));
    if (fate == DIES && how && strcmp(how, "torn") == 0) count /= 2;
    DONE(fate, real(fd, bytes, count));
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (!root || fd < 3) return real(fd, parts, count);
    if (is_full(fd)) return -1;
    int fate = change("writev", path_of(fd));
    if (fate == DIES && how && strcmp(how, "torn") == 0) { count = 1; }
    DONE(fate, real(fd, parts, count));
}

#define PWRITE(name, offset_type) \
    ssize_t name(int fd, const void *bytes, size_t count, offset_type offset) { \
        REAL(name); \
        if (!root) return real(fd, bytes, count, offset); \
        if (is_full(fd)) return -1; \
        int fate = change(#name, path_of(fd)); \
        if (fate == DIES && how && strcmp(how, "torn") == 0) count /= 2; \
        DONE(fate, real(fd, bytes, count, offset)); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

static int sync_fails(const char *path) {
    if (!below(path, slow, slow_length)) return 0;
    if (slow_ms > 0) {
        struct timespec pause_time = {slow_ms / 1000, (slow_ms % 1000) * 1000000};
        nanosleep(&pause_time, NULL);
    }
    return fail_at > 0 && atomic_fetch_add(&syncs, 1) + 1 == fail_at;
}

#define SYNC(name) \
    int name(int fd) { \
        REAL(name); \
        if (!root && !slow) return real(fd); \
        int fate = change(#name, path_of(fd)); \
        if (sync_fails(path_of(fd))) { errno = EIO; return -1; } \
        DONE(fate, real(fd)); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define BY_PATH(name, parameters, arguments, directory, path) \
    int name parameters { \
        REAL(name); \
        int fate = change(#name, path_at(directory, path)); \
        DONE(fate, real arguments); \
    }
BY_PATH(unlink, (const char *path), (path), AT_FDCWD, path)
BY_PATH(unlinkat, (int at, const char *path, int flags), (at, path, flags), at, path)
BY_PATH(rmdir, (const char *path), (path), AT_FDCWD, path)
BY_PATH(mkdir, (const char *path, mode_t mode), (path, mode), AT_FDCWD, path)
BY_PATH(mkdirat, (int at, const char *path, mode_t mode), (at, path, mode), at, path)
BY_PATH(rename, (const char *from, const char *to), (from, to), AT_FDCWD, from)
BY_PATH(renameat, (int at, const char *from, int to_at, const char *to), (at, from, to_at, to), at, from)
BY_PATH(renameat2, (int at, const char *from, int to_at, const char *to, unsigned flags), (at, from, to_at, to, flags), at, from)
BY_PATH(link, (const char *from, const char *to), (from, to), AT_FDCWD, to)
BY_PATH(linkat, (int at, const char *from, int to_at, const char *to, int flags), (at, from, to_at, to, flags), to_at, to)
BY_PATH(truncate, (const char *path, off_t length), (path, length), AT_FDCWD, path)

#define BY_FD(name, parameters, arguments) \
    int name parameters { \
        REAL(name); \
        int fate = change(#name, path_of(fd)); \
        DONE(fate, real arguments); \
    }
BY_FD(ftruncate, (int fd, off_t length), (fd, length))
BY_FD(ftruncate64, (int fd, off64_t length), (fd, length))
BY_FD(fallocate, (int fd, int mode, off_t offset, off_t length), (fd, mode, offset, length))
BY_FD(fallocate64, (int fd, int mode, off64_t offset, off64_t length), (fd, mode, offset, length))
BY_FD(posix_fallocate, (int fd, off_t offset, off_t length), (fd, offset, length))
BY_FD(posix_fallocate64, (int fd, off64_t offset, off64_t length), (fd, offset, length))

/* Opening counts when it may make or empty a file. */
#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        int fate = flags & (O_CREAT | O_TRUNC) ? change(#name, path_at(AT_FDCWD, path)) : GO_ON; \
        DONE(fate, real(path, flags, mode)); \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
    int name(int at, const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = va_arg(rest, mode_t); \
        va_end(rest); \
        int fate = flags & (O_CREAT | O_TRUNC) ? change(#name, path_at(at, path)) : GO_ON; \
        DONE(fate, real(at, path, flags, mode)); \
    }
OPENAT(openat)
OPENAT(openat64)

int clock_gettime(clockid_t id, struct timespec *now) {
    /* The kernel itself is asked until the C library's is known: dlsym may ask for the time. Not
     * longer: who measures the clock by reading it on and on would do so for a fifth of a second. */
    int answer = vdso_clock ? vdso_clock(id, now) : (int)syscall(SYS_clock_gettime, id, now);
    if (answer != 0 || !clock_file || id != CLOCK_REALTIME) return answer;
    char text[32] = {0};
    int fd = (int)syscall(SYS_openat, AT_FDCWD, clock_file, O_RDONLY | O_CLOEXEC, 0);
    if (fd < 0) return answer;
    if (syscall(SYS_read, fd, text, sizeof text - 1) > 0) now->tv_sec += atol(text);
    syscall(SYS_close, fd);
    return answer;
}
