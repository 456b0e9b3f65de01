// Loaded before the C library: the time of day is off by as many microseconds as the file that the
// environment names says, as a signed integer of 64 bits.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>

static volatile int64_t *offset;

__attribute__((constructor)) static void open_offset(void) {
    int file = open(getenv("COUNTER_TEST_CLOCK"), O_RDONLY);
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (file < 0 || mapped == MAP_FAILED) {
        abort();
    }
    offset = mapped;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    int (*real)(struct timeval *, void *) = dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(time, zone);
    int64_t micros = (int64_t)time->tv_sec * 1000000 + time->tv_usec + *offset;
    time->tv_sec = micros / 1000000;
    time->tv_usec = micros % 1000000;
    return result;
}
