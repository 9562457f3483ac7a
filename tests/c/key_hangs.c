/* A private key that does not answer while the AWS IoT credentials provider is asked with it: attempts end in time and do not gather threads,
 * another key is not asked beside it, and the client can be freed when it has returned. */
#include "events.h"
#include "proc.h"

static struct gate asked = GATE, may_return = GATE, freed = GATE, other_asked = GATE, other_freed = GATE;

static int hangs(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)signature_len, (void)userdata;
    gate_open(&asked);
    gate_wait(&may_return, 1);
    return -1;
}

static int fails(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)signature_len, (void)userdata;
    CHECK_INT(1, gate_count(&may_return));
    gate_open(&other_asked);
    return -1;
}

static void use(aws_iot_mqtt_client *client, char **argv, aws_iot_mqtt_sign_fn sign, struct gate *gate) {
    char certificate[256];
    snprintf(certificate, sizeof certificate, "%s", in_directory(argv[3], "client.pem"));
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(argv[3], "ca.pem"), certificate, NULL,
                                                                AWS_IOT_MQTT_SIGNATURE_DER, sign, gate, count_free));
}

int main(int argc, char **argv) {
    CHECK(argc > 3);
    const uint16_t port = (uint16_t)atoi(argv[2]);
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("lamp", MQTT_3_1_1, true, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], port));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, argv[1], port, "My-Role", NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 500));
    CHECK_OK(aws_iot_mqtt_client_configure_retry_first_connect(client, true));
    backoff(client, 10, 10);
    watch(client);
    use(client, argv, hangs, &freed);
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, NULL, NULL, NULL, NULL));
    gate_wait(&asked, 1);
    gate_wait(&failed, gate_count(&failed) + 2);
    int before = threads().count;
    gate_wait(&failed, gate_count(&failed) + 3);
    CHECK_INT(before, threads().count);
    use(client, argv, fails, &other_freed);
    gate_wait(&failed, gate_count(&failed) + 2);
    CHECK_INT(0, gate_count(&freed));
    gate_open(&may_return);
    gate_wait(&freed, 1);
    gate_wait(&other_asked, 1);
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&asked));
    CHECK_INT(1, gate_count(&other_freed));
    return 0;
}
