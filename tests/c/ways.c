/* What chooses the way to the broker: ALPN, custom authorizers, proxies with a socket factory. The case stands behind the three usual
 * arguments. */
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define TOKEN "t0ken?&=%+/"
#define SIGNATURE "s1gn+ture/=="

static char *port;
static char asked_host[256];
static unsigned asked_port;

/* Connects to the broker of the test, whatever was asked for. */
static int factory(const char *host, uint16_t asked, uint64_t remaining_ms, void *userdata) {
    (void)remaining_ms, (void)userdata;
    snprintf(asked_host, sizeof asked_host, "%s", host);
    asked_port = asked;
    struct sockaddr_in address = {0};
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK_INT(0, connect(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static void print_log(int level, const char *line, void *userdata) {
    (void)level, (void)userdata;
    printf("%s\n", line);
    fflush(stdout);
}

static aws_iot_mqtt_client *logging_client(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_on_log(client, AWS_IOT_MQTT_LOG_DEBUG, print_log, NULL, NULL));
    return client;
}

/* Port 443 and the names that argv[5] says: "automatic", "authorizer", or a list. */
static void alpn(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, "localhost", 443));
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, factory, NULL, NULL));
    if (strcmp(argv[5], "authorizer") == 0) {
        CHECK_OK(aws_iot_mqtt_client_configure_custom_authorizer(client, "A", NULL, NULL, NULL));
    } else if (strcmp(argv[5], "automatic") != 0) {
        CHECK_OK(aws_iot_mqtt_client_configure_alpn(client, argv[5]));
    }
    /* The broker has seen enough then. */
    CHECK(aws_iot_mqtt_client_connect(client, 60) != AWS_IOT_MQTT_OK);
    CHECK_OK(aws_iot_mqtt_client_configure_alpn(client, NULL));
    CHECK_TEXT("localhost", asked_host);
    aws_iot_mqtt_client_free(client);
}

static void authorizer(char **argv) {
    aws_iot_mqtt_client *client = logging_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_username_password(client, "user", "pa55word", 8));
    CHECK_OK(aws_iot_mqtt_client_configure_custom_authorizer(client, "MyAuth", "tokenKey", TOKEN, SIGNATURE));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    /* Renewed while connected, for the next attempt. */
    CHECK_OK(aws_iot_mqtt_client_configure_custom_authorizer(client, "MyAuth", "tokenKey", "n3w", "sig%2B"));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    disconnect_and_free(client);
}

/* No credentials at all: the system's CA certificates, which do not know the test's server. */
static void without_credentials(char **argv) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, strcmp(argv[5], "websocket") == 0, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, "localhost", (uint16_t)atoi(argv[2])));
    if (strcmp(argv[5], "authorizer") == 0) {
        CHECK_OK(aws_iot_mqtt_client_configure_custom_authorizer(client, "A", NULL, NULL, NULL));
    }
    if (strcmp(argv[5], "neither") == 0) {
        CHECK_CODE(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, aws_iot_mqtt_client_connect(client, 60));
    } else {
        CHECK_CODE(AWS_IOT_MQTT_ERR_PEER_UNTRUSTED, aws_iot_mqtt_client_connect(client, 60));
    }
    aws_iot_mqtt_client_free(client);
}

/* A host that nobody can resolve, a proxy that nobody can resolve, and a factory that connects. argv[5]: the proxy's URL. */
static void factory_through_proxy(char **argv) {
    aws_iot_mqtt_client *client = logging_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, "broker.invalid", 8883));
    CHECK_OK(aws_iot_mqtt_client_configure_proxy(client, argv[5]));
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, factory, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_TEXT("proxy.invalid", asked_host);
    CHECK_INT(3128, asked_port);
    disconnect_and_free(client);
}

/* A proxy that has served its time: without it the broker is reached directly. */
static void no_proxy_again(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_proxy(client, "http://proxy.invalid:3128"));
    CHECK_CODE(AWS_IOT_MQTT_ERR_DNS, aws_iot_mqtt_client_connect(client, 60));
    CHECK_CONTAINS("on the way to the proxy", aws_iot_mqtt_last_error_detail());
    CHECK_CONTAINS("proxy.invalid", aws_iot_mqtt_last_error_detail());
    CHECK_OK(aws_iot_mqtt_client_configure_proxy(client, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    disconnect_and_free(client);
}

static void arguments(char **argv) {
    aws_iot_mqtt_client *client = new_client(argv);
#define INVALID(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, culprit, call)
    INVALID("token is NULL", aws_iot_mqtt_client_configure_custom_authorizer(client, "A", "key", NULL, NULL));
    INVALID("token_key_name is NULL", aws_iot_mqtt_client_configure_custom_authorizer(client, "A", NULL, "token", NULL));
    INVALID("signature is given", aws_iot_mqtt_client_configure_custom_authorizer(client, "A", NULL, NULL, "sig"));
    INVALID("authorizer_name is empty", aws_iot_mqtt_client_configure_custom_authorizer(client, "", NULL, NULL, NULL));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_UTF8, aws_iot_mqtt_client_configure_custom_authorizer(client, "A", "k", "\xff", NULL));
    INVALID("no scheme", aws_iot_mqtt_client_configure_proxy(client, "proxy:3128"));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_SUPPORTED, "TLS to the proxy", aws_iot_mqtt_client_configure_proxy(client, "https://proxy:3128"));
    INVALID("empty name", aws_iot_mqtt_client_configure_alpn(client, "mqtt,"));
    /* Nothing of that was taken. */
    CHECK_OK(aws_iot_mqtt_client_connect(client, 600));
    disconnect_and_free(client);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"alpn", alpn},
        {"authorizer", authorizer},
        {"without_credentials", without_credentials},
        {"factory_through_proxy", factory_through_proxy},
        {"no_proxy_again", no_proxy_again},
        {"arguments", arguments},
    };
    CHECK(argc > 4);
    port = argv[2];
    return RUN_CASE(cases);
}
