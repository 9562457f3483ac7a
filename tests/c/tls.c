/* What TLS is made of: sessions that are resumed, credentials that are replaced, versions and cipher suites, and whom the client trusts. */
#include "proc.h"

static struct gate online = GATE;
static aws_iot_mqtt_client *client;
/* The lines of the log about TLS. */
static struct record handshakes = RECORD;

static void on_log(int level, const char *line, void *userdata) {
    (void)level, (void)userdata;
    if (strncmp(line, "the TLS handshake: ", 19) == 0) note(&handshakes, "[%s]", line + 19);
}

static void on_online(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
    gate_open(&online);
}

/* argv[5]: what the log says of the second connection. */
static void resumes(char **argv) {
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    /* TLS 1.3 gives its tickets after the handshake; behind this acknowledgement they are there. */
    CHECK_OK(publish_text(client, "first", "x", 1));
    CHECK(strstr(handshakes.text, "resumed") == NULL);
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    gate_wait(&online, 2);
    CHECK_OK(publish_text(client, "second", "y", 1));
    CHECK_CONTAINS(argv[5], handshakes.text);
    CHECK_CONTAINS(", resumed]", handshakes.text);
    /* The application's own disconnect and connect as well. */
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_OK(publish_text(client, "third", "z", 1));
    CHECK_INT(3, handshakes.gate.count);
    const char *last = strrchr(handshakes.text, '[');
    CHECK_CONTAINS(", resumed]", last);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
}

static void rotates(char **argv) {
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_OK(publish_text(client, "by", "the first", 1));
    /* Wrong ones change nothing. */
    CHECK_CODE(AWS_IOT_MQTT_ERR_PRIVATE_KEY,
               aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "client.key"),
                                                         in_directory(argv[3], "second.pem"), NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "second.key"),
                                                       in_directory(argv[3], "second.pem"), NULL));
    CHECK_OK(publish_text(client, "by", "the first still", 1));
    CHECK_INT(1, gate_count(&online));
    CHECK_OK(aws_iot_mqtt_client_reconnect(client));
    gate_wait(&online, 2);
    CHECK_OK(publish_text(client, "by", "the second", 1));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK(strstr(handshakes.text, "resumed") == NULL);
}

/* The broker ends TLS right behind its CONNACK. */
static void last_words(char **argv) {
    (void)argv;
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    gate_wait(&online, 2);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
}

/* argv[5]: the minimum version; argv[6]: the outcome; argv[7]: in the detail or the log. */
static void minimum(char **argv) {
    CHECK_OK(aws_iot_mqtt_client_configure_minimum_tls_version(client, atoi(argv[5])));
    int expected = atoi(argv[6]);
    CHECK_CODE(expected, aws_iot_mqtt_client_connect(client, 60));
    CHECK_CONTAINS(argv[7], expected == 0 ? handshakes.text : aws_iot_mqtt_last_error_detail());
    if (expected != 0) return;
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_STATE, aws_iot_mqtt_client_configure_minimum_tls_version(client, AWS_IOT_MQTT_TLS_1_2));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
}

/* argv[5]: a list; argv[6]: the suite that it leads to. */
static void ciphers(char **argv) {
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "client.key"),
                                                       in_directory(argv[3], "client.pem"), argv[5]));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_CONTAINS(argv[6], handshakes.text);
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
}

/* No CA is given. argv[5]: the outcome. */
static void system_store(char **argv) {
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, NULL, in_directory(argv[3], "client.key"),
                                                       in_directory(argv[3], "client.pem"), NULL));
    CHECK_CODE(atoi(argv[5]), aws_iot_mqtt_client_connect(client, 60));
}

static char **arguments;

static aws_iot_mqtt_client *new_client_with_log(char **argv) {
    aws_iot_mqtt_client *made = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_log(made, AWS_IOT_MQTT_LOG_INFO, on_log, NULL, NULL));
    return made;
}

/* Whether a client that is made now resumes the session of the one before. */
static bool next_client_resumes(void) {
    handshakes.text[0] = '\0';
    aws_iot_mqtt_client *next = new_client_with_log(arguments);
    CHECK_OK(aws_iot_mqtt_client_connect(next, 60));
    CHECK_OK(publish_text(next, "next", "x", 1));
    disconnect_and_free(next);
    return strstr(strrchr(handshakes.text, '['), ", resumed]") != NULL;
}

static bool only_this_thread(void) {
    return threads().count == 1;
}

/* The credentials of the last client stay as long as the library's threads do without a client: an application that makes clients again
 * and again resumes the session, another one does not. */
static void next_client(char **argv) {
    aws_iot_mqtt_client_free(client);
    client = NULL;
    arguments = argv;
    CHECK(!next_client_resumes());
    CHECK(becomes(next_client_resumes));
    CHECK(becomes(only_this_thread));
    CHECK(!next_client_resumes());
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"resumes", resumes}, {"rotates", rotates}, {"minimum", minimum}, {"ciphers", ciphers}, {"system_store", system_store},
        {"next_client", next_client}, {"last_words", last_words},
    };
    CHECK(argc > 4);
    client = new_client_with_log(argv);
    CHECK_OK(aws_iot_mqtt_client_on_online(client, on_online, NULL, NULL));
    int result = RUN_CASE(cases);
    aws_iot_mqtt_client_free(client);
    return result;
}
