/* A host name with the addresses that argv names, from the fifth on: this program is the resolver. argv[4]: the outcome, or "row". */
#include "check.h"
#include <netdb.h>
#include <netinet/in.h>
#include <arpa/inet.h>
#include <sys/socket.h>

static char **addresses;
static int asked;

struct answer {
    struct addrinfo info;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
};

/* The library's call comes here, as the program's symbols go before those of libc. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
    (void)service, (void)hints;
    CHECK_TEXT("many.test", node);
    asked++;
    struct addrinfo **next = result;
    for (char **text = addresses; *text != NULL; text++) {
        struct answer *answer = calloc(1, sizeof *answer);
        CHECK(answer != NULL);
        answer->info.ai_socktype = SOCK_STREAM;
        answer->info.ai_protocol = IPPROTO_TCP;
        answer->info.ai_addr = &answer->address.any;
        if (inet_pton(AF_INET, *text, &answer->address.v4.sin_addr) == 1) {
            answer->info.ai_family = answer->address.v4.sin_family = AF_INET;
            answer->info.ai_addrlen = sizeof answer->address.v4;
        } else {
            CHECK(inet_pton(AF_INET6, *text, &answer->address.v6.sin6_addr) == 1);
            answer->info.ai_family = answer->address.v6.sin6_family = AF_INET6;
            answer->info.ai_addrlen = sizeof answer->address.v6;
        }
        *next = &answer->info;
        next = &answer->info.ai_next;
    }
    *next = NULL;
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    while (list != NULL) {
        struct addrinfo *next = list->ai_next;
        free(list);
        list = next;
    }
}

static struct gate online = GATE;

static void on_online(bool session_present, void *userdata) {
    (void)session_present, (void)userdata;
    gate_open(&online);
}

/* Clients that are made in a row share a question; one that was told to connect anew asks anew. */
static int in_a_row(char **argv) {
    enum { ROW = 20 };
    aws_iot_mqtt_client *first = new_client_named(argv, "first", true);
    CHECK_OK(aws_iot_mqtt_client_on_online(first, on_online, NULL, NULL));
    CHECK_OK(aws_iot_mqtt_client_connect(first, 60));
    CHECK_INT(1, asked);
    CHECK_OK(aws_iot_mqtt_client_reconnect(first));
    gate_wait(&online, 2);
    CHECK_INT(2, asked);
    for (int i = 0; i < ROW; i++) disconnect_and_free(connected_client(argv));
    CHECK(asked < 2 + ROW);
    disconnect_and_free(first);
    return 0;
}

int main(int argc, char **argv) {
    CHECK(argc > 5);
    addresses = argv + 5;
    if (strcmp(argv[4], "row") == 0) return in_a_row(argv);
    int expected = atoi(argv[4]);
    aws_iot_mqtt_client *client = new_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, expected == AWS_IOT_MQTT_ERR_TIMEOUT ? 1500 : 30000));
    long long before = now_ms();
    CHECK_CODE(expected, aws_iot_mqtt_client_connect(client, 60));
    long long took = now_ms() - before;
    CHECK_INT(1, asked);
    /* An address that is dead, or says nothing, costs a quarter of a second at most. */
    if (expected != AWS_IOT_MQTT_ERR_TIMEOUT) CHECK(took < 10000);
    if (expected == AWS_IOT_MQTT_ERR_TIMEOUT) CHECK_CONTAINS("many.test", aws_iot_mqtt_last_error_detail());
    if (expected == AWS_IOT_MQTT_OK) CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    if (expected == AWS_IOT_MQTT_ERR_CONNECTION_REFUSED) {
        /* The answer has led nowhere: it is asked for anew, however soon that is. */
        CHECK_CODE(expected, aws_iot_mqtt_client_connect(client, 60));
        CHECK_INT(2, asked);
    }
    aws_iot_mqtt_client_free(client);
    return 0;
}
