/* No second thread can be started when the only worker has a callback to run: it runs it, as nobody else ever would. */
#include "faults_shim.h"

#include "events.h"
#include "proc.h"

static struct gate completed = GATE;

static void on_end(const aws_iot_mqtt_completion *completion, void *userdata) {
    (void)userdata;
    CHECK_CODE(AWS_IOT_MQTT_OK, completion->error);
    gate_open(&completed);
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    aws_iot_mqtt_client *client = new_client_named(argv, "0", true);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    __atomic_store_n(&threads_left, 0, __ATOMIC_SEQ_CST);
    for (int round = 1; round <= 3; round++) {
        CHECK_OK(aws_iot_mqtt_client_publish_async(client, "t", "x", 1, 1, false, on_end, NULL, NULL, NULL));
        gate_wait(&completed, round);
    }
    CHECK(__atomic_load_n(&refused_threads, __ATOMIC_SEQ_CST) > 0);
    disconnect_and_free(client);
    return 0;
}
