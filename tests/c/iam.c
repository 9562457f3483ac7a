/* IAM credentials: wrong arguments, and a provider of the application's that behaves in every way. Nothing listens on the port, so that an attempt
 * that has its credentials fails for another reason. */
#include "check.h"

static struct gate asked = GATE, go_on = GATE, freed = GATE, returned = GATE;
static struct record lines = RECORD;

#define WRONG(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_ARGUMENT, culprit, call)
#define REFUSED(culprit, call) CHECK_FAILS(AWS_IOT_MQTT_ERR_CREDENTIALS, culprit, call)
#define SECRET "hush-this-is-secret"
#define TOKEN "hush-this-is-a-token"

static void on_log(int level, const char *line, void *userdata) {
    (void)level, (void)userdata;
    note(&lines, "%s\n", line);
}

/* A client for MQTT over WebSocket that signs. */
static aws_iot_mqtt_client *signing_client(char **argv) {
    aws_iot_mqtt_client *client = NULL;
    CHECK_OK(aws_iot_mqtt_client_new("me", MQTT_3_1_1, true, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), in_directory(argv[3], "client.key"),
                                                       in_directory(argv[3], "client.pem"), NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    if (getenv("TEST_PROXY") != NULL) CHECK_OK(aws_iot_mqtt_client_configure_proxy(client, getenv("TEST_PROXY")));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 15000));
    CHECK_OK(aws_iot_mqtt_client_on_log(client, AWS_IOT_MQTT_LOG_DEBUG, on_log, NULL, NULL));
    return client;
}

/* The attempt got past its credentials. */
static void connect_with_credentials(aws_iot_mqtt_client *client) {
    int code = (int)aws_iot_mqtt_client_connect(client, 60);
    if (code == AWS_IOT_MQTT_OK || code == AWS_IOT_MQTT_ERR_CREDENTIALS || code == AWS_IOT_MQTT_ERR_NOT_CONFIGURED ||
        code == AWS_IOT_MQTT_ERR_TIMEOUT)
        FAIL("got %d %s", code, aws_iot_mqtt_last_error_detail());
}

static void no_secret_was_said(void) {
    CHECK(strstr(aws_iot_mqtt_last_error_detail(), "hush") == NULL);
    CHECK(strstr(lines.text, "hush") == NULL);
    CHECK(strstr(lines.text, "AKIDEXAMPLE") == NULL);
    CHECK(strstr(lines.text, "X-Amz") == NULL);
}

static void arguments(char **argv) {
    aws_iot_mqtt_client *client = signing_client(argv);
    WRONG("access_key_id", aws_iot_mqtt_client_configure_iam_credentials(client, NULL, SECRET, NULL));
    WRONG("access_key_id", aws_iot_mqtt_client_configure_iam_credentials(client, NULL, NULL, TOKEN));
    WRONG("secret_access_key", aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", NULL, NULL));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_UTF8, "session_token",
                aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", SECRET, "\xff"));
    REFUSED("line break", aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", SECRET "\n", NULL));
    REFUSED("blank", aws_iot_mqtt_client_configure_iam_credentials(client, "AKID EXAMPLE", SECRET, NULL));
    REFUSED("empty", aws_iot_mqtt_client_configure_iam_credentials(client, "", SECRET, NULL));
    REFUSED("empty", aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", "", NULL));
    no_secret_was_said();
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", SECRET, TOKEN));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, NULL, NULL, NULL));

    WRONG("endpoint_host", aws_iot_mqtt_client_configure_iot_credentials_provider(client, NULL, 443, "alias", NULL));
    WRONG("endpoint_host", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "https://host", 443, "alias", NULL));
    WRONG("endpoint_host", aws_iot_mqtt_client_configure_iot_credentials_provider(client, NULL, 443, NULL, NULL));
    WRONG("role_alias", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, NULL, NULL));
    WRONG("port", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 0, "alias", NULL));
    WRONG("role_alias", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, "a/b", NULL));
    WRONG("role_alias", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, "a\r\nX: b", NULL));
    WRONG("role_alias", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, "", NULL));
    WRONG("thing_name", aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, "alias", "a\nb"));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, "host", 443, "alias", "thing"));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, NULL, 0, NULL, NULL));

    const char *bad[] = {"", "EU-central-1", "eu central", "eu/central", "eu\n", "\xc3\xa4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        WRONG("region", aws_iot_mqtt_client_configure_region(client, bad[i]));
        WRONG("service", aws_iot_mqtt_client_configure_signing_service(client, bad[i]));
    }
    CHECK_OK(aws_iot_mqtt_client_configure_signing_service(client, "iotdata"));
    CHECK_OK(aws_iot_mqtt_client_configure_signing_service(client, NULL));
    WRONG("sink", aws_iot_mqtt_credentials_set(NULL, "AKIDEXAMPLE", SECRET, NULL, 0));

    /* Without a region the function to call is named, at the call. */
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDEXAMPLE", SECRET, TOKEN));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, "aws_iot_mqtt_client_configure_region", aws_iot_mqtt_client_connect(client, 60));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    connect_with_credentials(client);
    CHECK_CONTAINS("key ...MPLE", lines.text);
    no_secret_was_said();
    aws_iot_mqtt_client_free(client);
}

/* What the provider does is in its userdata. */
struct provider {
    struct gate freed; /* First, so that count_free can count. */
    const char *what;
    aws_iot_mqtt_client *client;
    uint64_t remaining_ms;
};
#define PROVIDER(what) {GATE, what, NULL, 0}

static int provide(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) {
    struct provider *provider = userdata;
    const char *what = provider->what;
    provider->remaining_ms = remaining_ms;
    CHECK_INT(0, gate_count(&provider->freed));
    gate_open(&asked);
    if (strcmp(what, "fails") == 0) {
        CHECK_OK(aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", SECRET, TOKEN, 0));
        return 7;
    }
    if (strcmp(what, "gives nothing") == 0) return 0;
    if (strcmp(what, "gives garbage") == 0) {
        WRONG("secret_access_key", aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", NULL, NULL, 0));
        REFUSED("line break", aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", SECRET "\n", NULL, 0));
        return 0;
    }
    if (strcmp(what, "gives expired ones") == 0) {
        CHECK_OK(aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", SECRET, TOKEN, 1000));
        return 0;
    }
    if (strcmp(what, "blocks") == 0) gate_wait(&go_on, 1);
    if (strcmp(what, "waits for itself") == 0) {
        uint64_t operation;
        CHECK_CODE(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, publish_text(provider->client, "t", "x", 1));
        CHECK_CODE(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, aws_iot_mqtt_client_disconnect(provider->client, NULL));
        /* What does not wait is allowed. */
        CHECK_CODE(AWS_IOT_MQTT_QUEUED, aws_iot_mqtt_client_publish_async(provider->client, "t", "x", 1, 0, false, NULL, NULL, NULL, &operation));
        CHECK_OK(aws_iot_mqtt_client_configure_username_password(provider->client, "user", NULL, 0));
    }
    /* The last call counts. */
    REFUSED("empty", aws_iot_mqtt_credentials_set(sink, "", SECRET, NULL, 0));
    CHECK_OK(aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", SECRET, TOKEN, 4000000000u));
    gate_open(&returned);
    return 0;
}

static void configure(aws_iot_mqtt_client *client, struct provider *provider) {
    provider->client = client;
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, provide, provider, count_free));
}

/* argv[5] is what it does, argv[6] what is said about that. */
static void provider_fails(char **argv) {
    struct provider provider = PROVIDER(argv[5]);
    aws_iot_mqtt_client *client = signing_client(argv);
    configure(client, &provider);
    for (unsigned attempt = 1; attempt <= 2; attempt++) {
        REFUSED(argv[6], aws_iot_mqtt_client_connect(client, 60));
        CHECK_INT(attempt, gate_count(&asked));
        no_secret_was_said();
    }
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&provider.freed));
}

/* By this clock they have expired, and the clock may be wrong: every second attempt lets the server judge, which tells the time. */
static void provider_expired(char **argv) {
    struct provider provider = PROVIDER("gives expired ones");
    aws_iot_mqtt_client *client = signing_client(argv);
    configure(client, &provider);
    for (int round = 0; round < 2; round++) {
        REFUSED("expired at 1970-01-01 00:16:40", aws_iot_mqtt_client_connect(client, 60));
        CHECK_CODE(AWS_IOT_MQTT_ERR_CONNECTION_REFUSED, aws_iot_mqtt_client_connect(client, 60));
    }
    CHECK_INT(4, gate_count(&asked));
    no_secret_was_said();
    aws_iot_mqtt_client_free(client);
}

/* Asked before each attempt, after configured credentials, and replaced and removed at any time. */
static void provider_gives(char **argv) {
    struct provider first = PROVIDER("gives"), second = PROVIDER("gives");
    aws_iot_mqtt_client *client = signing_client(argv);
    configure(client, &first);
    for (unsigned attempt = 1; attempt <= 2; attempt++) {
        connect_with_credentials(client);
        CHECK_INT(attempt, gate_count(&asked));
        CHECK(first.remaining_ms > 1000 && first.remaining_ms <= 15000);
    }
    CHECK_CONTAINS("credentials provider callback, key ...MPLE, temporary", lines.text);
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, "AKIDOTHER", SECRET, NULL));
    connect_with_credentials(client);
    CHECK_INT(2, gate_count(&asked));
    CHECK_CONTAINS("key ...THER", lines.text);
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials(client, NULL, NULL, NULL));
    CHECK_INT(0, gate_count(&first.freed));
    configure(client, &second);
    CHECK_INT(1, gate_count(&first.freed));
    connect_with_credentials(client);
    CHECK_INT(3, gate_count(&asked));
    CHECK(second.remaining_ms > 1000);
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, NULL, &freed, count_free));
    CHECK_INT(1, gate_count(&second.freed));
    REFUSED("no IAM credentials", aws_iot_mqtt_client_connect(client, 60));
    no_secret_was_said();
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&first.freed));
    CHECK_INT(1, gate_count(&second.freed));
    CHECK_INT(0, gate_count(&freed));
}

/* An attempt that outlasts its time ends, and no second one asks meanwhile. */
static void provider_blocks(char **argv) {
    struct provider provider = PROVIDER("blocks");
    aws_iot_mqtt_client *client = signing_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 300));
    configure(client, &provider);
    long long before = now_ms();
    CHECK_FAILS(AWS_IOT_MQTT_ERR_TIMEOUT, "IAM credentials", aws_iot_mqtt_client_connect(client, 60));
    CHECK(now_ms() - before >= 300 && now_ms() - before < 10000);
    gate_wait(&asked, 1);
    /* The next attempt waits for its return, too, and no longer than its own time. */
    CHECK_FAILS(AWS_IOT_MQTT_ERR_TIMEOUT, "IAM credentials", aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(1, gate_count(&asked));
    /* Replaced while it runs: it is still in use. */
    CHECK_OK(aws_iot_mqtt_client_configure_iam_credentials_provider(client, NULL, NULL, NULL));
    CHECK_INT(0, gate_count(&provider.freed));
    gate_open(&go_on);
    gate_wait(&provider.freed, 1);
    CHECK_INT(1, gate_count(&returned));
    aws_iot_mqtt_client_free(client);
    CHECK_INT(1, gate_count(&provider.freed));
}

static void *free_client(void *client) {
    aws_iot_mqtt_client_free(client);
    gate_open(&freed);
    return NULL;
}

/* Outside of callbacks, free returns when the provider has. */
static void free_waits(char **argv) {
    struct provider provider = PROVIDER("blocks");
    aws_iot_mqtt_client *client = signing_client(argv);
    configure(client, &provider);
    uint64_t operation;
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, NULL, NULL, NULL, &operation));
    gate_wait(&asked, 1);
    pthread_t thread = start_thread(free_client, client);
    CHECK(!gate_reached(&freed, 1, 1));
    CHECK_INT(0, gate_count(&provider.freed));
    gate_open(&go_on);
    gate_wait(&freed, 1);
    CHECK_INT(1, gate_count(&returned));
    CHECK_INT(1, gate_count(&provider.freed));
    CHECK_INT(0, pthread_join(thread, NULL));
}

static void waits_for_itself(char **argv) {
    struct provider provider = PROVIDER("waits for itself");
    aws_iot_mqtt_client *client = signing_client(argv);
    configure(client, &provider);
    connect_with_credentials(client);
    CHECK_INT(1, gate_count(&returned));
    aws_iot_mqtt_client_free(client);
}

/* argv[5]: "" if there are credentials, or what is said; argv[6]: their source in the log. */
static void environment(char **argv) {
    aws_iot_mqtt_client *client = signing_client(argv);
    if (argv[5][0] == '\0') {
        connect_with_credentials(client);
        CHECK_CONTAINS(argv[6], lines.text);
    } else {
        REFUSED(argv[5], aws_iot_mqtt_client_connect(client, 60));
    }
    no_secret_was_said();
    aws_iot_mqtt_client_free(client);
}

static int factory(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    (void)userdata;
    CHECK(remaining_ms > 0);
    note(&lines, "factory %s %u\n", host, (unsigned)port);
    return -1;
}

/* The AWS IoT credentials provider on argv[5]; argv[6]: the numbers that are expected, one for each attempt; argv[7] is in the detail of the last
 * failure, argv[8] in the log. */
static void iot(char **argv) {
    aws_iot_mqtt_client *client = signing_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, strcmp(argv[6], "600") == 0 ? 2000 : 15000));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, "127.0.0.1", (uint16_t)atoi(argv[5]), "My-Role", "lamp"));
    /* "0": it has credentials. */
    for (const char *number = argv[6]; number != NULL; number = strchr(number, ',') ? strchr(number, ',') + 1 : NULL) {
        if (atoi(number) == 0)
            connect_with_credentials(client);
        else
            CHECK_FAILS(atoi(number), argv[7], aws_iot_mqtt_client_connect(client, 60));
        const char *blamed = strstr(aws_iot_mqtt_last_error_detail(), "way to the proxy");
        CHECK(blamed == NULL || strstr(blamed + 1, "way to the proxy") == NULL);
    }
    CHECK_CONTAINS(argv[8], lines.text);
    no_secret_was_said();
    aws_iot_mqtt_client_free(client);
}

static void iot_without_certificate(char **argv) {
    aws_iot_mqtt_client *client = signing_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, "127.0.0.1", 1, "My-Role", NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), NULL, NULL, NULL));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_NOT_CONFIGURED, "aws_iot_mqtt_client_configure_credentials", aws_iot_mqtt_client_connect(client, 60));
    aws_iot_mqtt_client_free(client);
}

/* The application's sockets are used for it, too. */
static void iot_by_socket_factory(char **argv) {
    aws_iot_mqtt_client *client = signing_client(argv);
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, "credentials.example.com", 444, "My-Role", NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_socket_factory(client, factory, NULL, NULL));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_SOCKET_FACTORY, "credentials.example.com", aws_iot_mqtt_client_connect(client, 60));
    CHECK_CONTAINS("factory credentials.example.com 444", lines.text);
    aws_iot_mqtt_client_free(client);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"arguments", arguments}, {"provider_fails", provider_fails}, {"provider_expired", provider_expired},
        {"provider_gives", provider_gives},
        {"provider_blocks", provider_blocks}, {"free_waits", free_waits}, {"waits_for_itself", waits_for_itself},
        {"environment", environment}, {"iot", iot}, {"iot_without_certificate", iot_without_certificate},
        {"iot_by_socket_factory", iot_by_socket_factory},
    };
    return RUN_CASE(cases);
}
