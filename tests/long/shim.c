/* Between the crawler and the system: logs what it does to its file, and does it badly on demand.
 *
 * Loaded with LD_PRELOAD; shim.py compiles it, sets these variables and reads the log.
 *
 *   SHIM_FILE   the crawl's file, absolute: it, -wal, -journal, .lock, .v1.bak and its folder are followed
 *   SHIM_LOG    every call on them is appended here, in order
 *   SHIM_BYTES  with this set, what was written is in the log too
 *   SHIM_DO     ACTION:OPS:FILES:N:TIMES[:ARG], for example fail:s:w:3:1:28
 *               the N-th call (from 1) that is one of OPS on one of FILES, and the TIMES - 1 after it
 *               (0: all after it): `kill` ends the process before it, `tear` when half of a write is
 *               done, `fail` gives ARG as errno, `sleep` waits ARG microseconds before it
 *   SHIM_CLOCK  a file with one 64-bit number: seconds that the wall clock is off by, read at each call
 *
 * OPS: o open, r read, w write, t truncate, s fsync and fdatasync, u unlink, m rename.
 * FILES: d the file, w -wal, j -journal, l .lock, b .v1.bak, f the folder.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_FILES 65536

struct entry { /* of the log, before the bytes written */
    uint8_t op, file;
    uint16_t is_new; /* an open that made the file */
    int32_t error;
    uint64_t offset, length;
};

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char kinds[MOST_FILES];
static char followed[4096], folder[4096], action[16], ops[16], files[16];
static int log_fd = -1, log_bytes = 0;
static long nth = 0, times = 0, argument = 0, count = 0;
static volatile int64_t *clock_offset;

#define REAL(name) ((typeof(&name))dlsym(RTLD_NEXT, #name))

static int (*real_open)(const char *, int, ...);
static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);

__attribute__((constructor)) static void begin(void) {
    real_open = REAL(open), real_write = REAL(write), real_pwrite = REAL(pwrite);
    const char *file = getenv("SHIM_FILE"), *log = getenv("SHIM_LOG"), *what = getenv("SHIM_DO"), *at = getenv("SHIM_CLOCK");
    if (file) {
        snprintf(followed, sizeof followed, "%s", file);
        snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(file, '/') - file), file);
    }
    log_bytes = getenv("SHIM_BYTES") != NULL;
    if (log) log_fd = real_open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (what && sscanf(what, "%15[^:]:%15[^:]:%15[^:]:%ld:%ld:%ld", action, ops, files, &nth, &times, &argument) < 5) abort();
    if (at) {
        int fd = real_open(at, O_RDONLY | O_CLOEXEC);
        void *page = mmap(NULL, sizeof *clock_offset, PROT_READ, MAP_SHARED, fd, 0);
        if (fd < 0 || page == MAP_FAILED) abort();
        clock_offset = page;
    }
}

/* Which of the followed files a path is; 0 if none. Relative paths are of the folder. */
static char kind_of(const char *path) {
    static const struct { const char *end; char kind; } ends[] = {
        {"", 'd'}, {"-wal", 'w'}, {"-journal", 'j'}, {".lock", 'l'}, {".v1.bak", 'b'}};
    if (!followed[0] || !path) return 0;
    if (!strcmp(path, folder)) return 'f';
    if (path[0] != '/') return 0;
    size_t length = strlen(followed);
    if (strncmp(path, followed, length)) return 0;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!strcmp(path + length, ends[i].end)) return ends[i].kind;
    return 0;
}

static char kind_of_fd(int fd) { return fd >= 0 && fd < MOST_FILES ? kinds[fd] : 0; }

/* Takes the turn and does what was asked for; whether the call is to fail (errno is set), or 2 to be torn. */
static int enter(char op, char file) {
    pthread_mutex_lock(&turn);
    if (!nth || !strchr(ops, op) || !strchr(files, file)) return 0;
    long past = ++count - nth;
    if (past < 0 || (times && past >= times)) return 0;
    if (!strcmp(action, "kill")) kill(getpid(), SIGKILL), pause();
    if (!strcmp(action, "sleep")) usleep(argument);
    if (!strcmp(action, "tear")) return 2;
    if (strcmp(action, "fail")) return 0;
    errno = argument;
    return 1;
}

/* Logs the call and gives the turn away; errno stays as it is. */
static void leave(char op, char file, int is_new, int failed, uint64_t offset, uint64_t length, const void *bytes) {
    int error = errno;
    if (log_fd >= 0) {
        struct entry entry = {op, file, is_new, failed ? error : 0, offset, length};
        struct iovec parts[2] = {{&entry, sizeof entry}, {(void *)bytes, bytes && log_bytes ? length : 0}};
        if (writev(log_fd, parts, 2) < 0) abort();
    }
    pthread_mutex_unlock(&turn);
    errno = error;
}

static int do_open(const char *path, int flags, mode_t mode) {
    char kind = kind_of(path);
    if (!kind) return real_open(path, flags, mode);
    int fails = enter('o', kind), existed = access(path, F_OK) == 0;
    int fd = fails ? -1 : real_open(path, flags, mode);
    if (fd >= 0 && fd < MOST_FILES) kinds[fd] = kind;
    leave('o', kind, fd >= 0 && !existed, fd < 0, 0, 0, NULL);
    return fd;
}

#define OPENS(name, ...)                                       \
    int name(__VA_ARGS__, int flags, ...) {                    \
        va_list rest;                                          \
        va_start(rest, flags);                                 \
        mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                          \
        return do_open(path, flags, mode);                     \
    }
OPENS(open, const char *path)
OPENS(open64, const char *path)

int openat(int at, const char *path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return at == AT_FDCWD ? do_open(path, flags, mode) : REAL(openat)(at, path, flags, mode);
}

int close(int fd) {
    if (kind_of_fd(fd)) kinds[fd] = 0;
    return REAL(close)(fd);
}

static ssize_t do_write(int fd, const void *bytes, size_t length, off_t offset, int seeks) {
    char kind = kind_of_fd(fd);
    if (!kind) return seeks ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, offset);
    int how = enter('w', kind);
    if (seeks) offset = lseek(fd, 0, SEEK_CUR);
    if (how == 2) {
        real_pwrite(fd, bytes, length / 2, offset);
        kill(getpid(), SIGKILL), pause();
    }
    ssize_t done = how ? -1 : seeks ? real_write(fd, bytes, length) : real_pwrite(fd, bytes, length, offset);
    leave('w', kind, 0, done < 0, offset, done < 0 ? 0 : done, done < 0 ? NULL : bytes);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t length) { return do_write(fd, bytes, length, 0, 1); }
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) { return do_write(fd, bytes, length, offset, 0); }
ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset) { return do_write(fd, bytes, length, offset, 0); }

static ssize_t do_read(int fd, void *bytes, size_t length, off_t offset, int seeks) {
    char kind = kind_of_fd(fd);
    if (!kind) return seeks ? REAL(read)(fd, bytes, length) : REAL(pread)(fd, bytes, length, offset);
    int fails = enter('r', kind);
    ssize_t done = fails ? -1 : seeks ? REAL(read)(fd, bytes, length) : REAL(pread)(fd, bytes, length, offset);
    leave('r', kind, 0, done < 0, offset, 0, NULL);
    return done;
}

ssize_t read(int fd, void *bytes, size_t length) { return do_read(fd, bytes, length, 0, 1); }
ssize_t pread(int fd, void *bytes, size_t length, off_t offset) { return do_read(fd, bytes, length, offset, 0); }
ssize_t pread64(int fd, void *bytes, size_t length, off_t offset) { return do_read(fd, bytes, length, offset, 0); }

static int do_truncate(int fd, off_t length) {
    char kind = kind_of_fd(fd);
    if (!kind) return REAL(ftruncate)(fd, length);
    int result = enter('t', kind) ? -1 : REAL(ftruncate)(fd, length);
    leave('t', kind, 0, result < 0, length, 0, NULL);
    return result;
}

int ftruncate(int fd, off_t length) { return do_truncate(fd, length); }
int ftruncate64(int fd, off_t length) { return do_truncate(fd, length); }

static int do_sync(int fd, int (*real)(int)) {
    char kind = kind_of_fd(fd);
    if (!kind) return real(fd);
    int result = enter('s', kind) ? -1 : real(fd);
    leave('s', kind, 0, result < 0, 0, 0, NULL);
    return result;
}

int fsync(int fd) { return do_sync(fd, REAL(fsync)); }
int fdatasync(int fd) { return do_sync(fd, REAL(fdatasync)); }

int unlink(const char *path) {
    char kind = kind_of(path);
    if (!kind) return REAL(unlink)(path);
    int result = enter('u', kind) ? -1 : REAL(unlink)(path);
    leave('u', kind, 0, result < 0, 0, 0, NULL);
    return result;
}

int rename(const char *from, const char *to) {
    char kind = kind_of(from);
    if (!kind) return REAL(rename)(from, to);
    int result = enter('m', kind) ? -1 : REAL(rename)(from, to);
    leave('m', kind, 0, result < 0, 0, 0, NULL);
    return result;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = REAL(clock_gettime);
    int result = real(clock, time);
    if (!result && clock_offset && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) time->tv_sec += *clock_offset;
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int result = REAL(gettimeofday)(time, zone);
    if (!result && clock_offset) time->tv_sec += *clock_offset;
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
