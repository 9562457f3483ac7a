/* Every descriptor of the library is closed on exec, and all are gone with the last client. */
#include "proc.h"

static struct numbers before;

static bool as_before(void) {
    return descriptors().count == before.count;
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    before = descriptors();
    for (int round = 0; round < 3; round++) {
        aws_iot_mqtt_client *client = connected_client(argv);
        CHECK_OK(publish_text(client, "t", "", 1));
        struct numbers now = descriptors();
        int ours = 0;
        for (int i = 0; i < now.count; i++) {
            char path[64], flags[64];
            if (among(before, now.values[i])) continue;
            snprintf(path, sizeof path, "/proc/self/fdinfo/%ld", now.values[i]);
            CHECK(proc_field(path, "flags", flags, sizeof flags));
            if ((strtoul(flags, NULL, 8) & 02000000) == 0) FAIL("descriptor %ld is not close-on-exec", now.values[i]);
            ours++;
        }
        CHECK(ours > 0);
        disconnect_and_free(client);
        CHECK(becomes(as_before));
    }
    return 0;
}
