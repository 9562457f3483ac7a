/* What /proc says about this process. */
#ifndef PROC_H
#define PROC_H

#include "threads_shim.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The numeric names in a directory of /proc; the descriptor that reads it is not counted. */
static inline struct numbers numbers_in(const char *path) {
    struct numbers numbers = {0, {0}};
    DIR *directory = opendir(path);
    CHECK(directory != NULL);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char *end;
        long value = strtol(entry->d_name, &end, 10);
        if (*end != '\0' || end == entry->d_name) continue;
        if (strstr(path, "/fd") != NULL && value == dirfd(directory)) continue;
        CHECK(numbers.count < 256);
        numbers.values[numbers.count++] = value;
    }
    closedir(directory);
    return numbers;
}

static inline struct numbers descriptors(void) {
    return numbers_in("/proc/self/fd");
}

/* The text behind "key:" in a file of /proc; false if the file is gone. */
static inline bool proc_field(const char *path, const char *key, char *value, size_t size) {
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    char line[512];
    bool found = false;
    while (!found && fgets(line, sizeof line, file) != NULL) {
        size_t length = strlen(key);
        if (strncmp(line, key, length) != 0 || line[length] != ':') continue;
        size_t behind = strlen(line + length + 1);
        CHECK(behind < size);
        memcpy(value, line + length + 1, behind + 1);
        found = true;
    }
    fclose(file);
    return found;
}

#endif
