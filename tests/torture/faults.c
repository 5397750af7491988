/* Refuses chosen calls to files below a chosen folder: loaded into a process by LD_PRELOAD.
 *
 * fault_arm(calls, number, folder, nth, delay) lets the nth call (0: every one) of a kind named
 * in `calls` fail with the error `number`, or (number 0) wait `delay` milliseconds and go on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static char armed_calls[256], armed_folder[PATH_MAX];
static int armed_error, armed_nth, armed_delay;
static int seen, refused;

void fault_arm(const char *calls, int error, const char *folder, int nth, int delay) {
    snprintf(armed_calls, sizeof armed_calls, ",%s,", calls);
    snprintf(armed_folder, sizeof armed_folder, "%s", folder);
    armed_error = error, armed_nth = nth, armed_delay = delay;
    __atomic_store_n(&seen, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&refused, 0, __ATOMIC_SEQ_CST);
}

int fault_hits(void) { return __atomic_load_n(&refused, __ATOMIC_SEQ_CST); }

static int refuses(const char *call, const char *path) {
    char wanted[64];
    if (!armed_calls[0] || !path || strncmp(path, armed_folder, strlen(armed_folder))) return 0;
    snprintf(wanted, sizeof wanted, ",%s,", call);
    if (!strstr(armed_calls, wanted)) return 0;
    int number = __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
    if (armed_nth && number != armed_nth) return 0;
    __atomic_add_fetch(&refused, 1, __ATOMIC_SEQ_CST);
    if (!armed_error) {
        struct timespec pause = {armed_delay / 1000, armed_delay % 1000 * 1000000L};
        nanosleep(&pause, NULL);
        return 0;
    }
    errno = armed_error;
    return 1;
}

static int refuses_file(const char *call, int file) {
    char link[64], path[PATH_MAX];
    int kept = errno;
    if (!armed_calls[0]) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (length < 0) return 0;
    path[length] = 0;
    return refuses(call, path);
}

/* A call relative to an open folder is a call below that folder. */
static int refuses_at(const char *call, int folder, const char *path) {
    return path && path[0] != '/' && folder != AT_FDCWD ? refuses_file(call, folder)
                                                        : refuses(call, path);
}

#define REAL(type, name, ...) \
    static type (*real)(__VA_ARGS__); \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

#define OPEN(name) \
    int name(const char *path, int flags, ...) { \
        REAL(int, name, const char *, int, ...); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = va_arg(list, mode_t); \
        va_end(list); \
        return refuses("open", path) ? -1 : real(path, flags, mode); \
    }
OPEN(open)
OPEN(open64)

#define OPEN_AT(name) \
    int name(int folder, const char *path, int flags, ...) { \
        REAL(int, name, int, const char *, int, ...); \
        va_list list; \
        va_start(list, flags); \
        mode_t mode = va_arg(list, mode_t); \
        va_end(list); \
        return refuses_at("open", folder, path) ? -1 : real(folder, path, flags, mode); \
    }
OPEN_AT(openat)
OPEN_AT(openat64)

ssize_t write(int file, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    return refuses_file("write", file) ? -1 : real(file, data, size);
}

#define PWRITE(name, offset_type) \
    ssize_t name(int file, const void *data, size_t size, offset_type offset) { \
        REAL(ssize_t, name, int, const void *, size_t, offset_type); \
        return refuses_file("write", file) ? -1 : real(file, data, size, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t read(int file, void *data, size_t size) {
    REAL(ssize_t, read, int, void *, size_t);
    return refuses_file("read", file) ? -1 : real(file, data, size);
}

#define PREAD(name, offset_type) \
    ssize_t name(int file, void *data, size_t size, offset_type offset) { \
        REAL(ssize_t, name, int, void *, size_t, offset_type); \
        return refuses_file("read", file) ? -1 : real(file, data, size, offset); \
    }
PREAD(pread, off_t)
PREAD(pread64, off64_t)

#define ON_FILE(name, call) \
    int name(int file) { \
        REAL(int, name, int); \
        return refuses_file(call, file) ? -1 : real(file); \
    }
ON_FILE(fsync, "sync")
ON_FILE(fdatasync, "sync")

#define TRUNCATE(name, size_type) \
    int name(int file, size_type size) { \
        REAL(int, name, int, size_type); \
        return refuses_file("write", file) ? -1 : real(file, size); \
    }
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

ssize_t copy_file_range(int from, off64_t *a, int to, off64_t *b, size_t size, unsigned flags) {
    REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
    return refuses_file("write", to) ? -1 : real(from, a, to, b, size, flags);
}

#define SENDFILE(name, offset_type) \
    ssize_t name(int to, int from, offset_type *offset, size_t size) { \
        REAL(ssize_t, name, int, int, offset_type *, size_t); \
        return refuses_file("write", to) ? -1 : real(to, from, offset, size); \
    }
SENDFILE(sendfile, off_t)
SENDFILE(sendfile64, off64_t)

int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return refuses("rename", to) ? -1 : real(from, to);
}

int renameat(int a, const char *from, int b, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return refuses_at("rename", b, to) ? -1 : real(a, from, b, to);
}

#define ON_PATH(name, call) \
    int name(const char *path) { \
        REAL(int, name, const char *); \
        return refuses(call, path) ? -1 : real(path); \
    }
ON_PATH(unlink, "unlink")
ON_PATH(rmdir, "unlink")

int unlinkat(int folder, const char *path, int flags) {
    REAL(int, unlinkat, int, const char *, int);
    return refuses_at("unlink", folder, path) ? -1 : real(folder, path, flags);
}

int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return refuses("mkdir", path) ? -1 : real(path, mode);
}
