/* Not about the library: shows that the harness notices what it should. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile lost;

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    if (strcmp(how, "fail") == 0) {
        fprintf(stderr, "this is why\n");
        return 3;
    }
    if (strcmp(how, "abort") == 0) abort();
    if (strcmp(how, "leak") == 0) {
        lost = malloc(77);
        lost = NULL;
    }
    if (strcmp(how, "overrun") == 0) {
        volatile char *bytes = malloc(8);
        bytes[8] = 1;
        free((void *)bytes);
    }
    if (strcmp(how, "wait") == 0) {
        printf("ready\n");
        fflush(stdout);
        return getchar() == 'g' ? 0 : 4;
    }
    return 0;
}
