/* Many threads call everything on many clients at random, callbacks call back, clients are freed everywhere, and the broker dies and
 * comes again, for a time: host, port, directory, seconds, seed. "kill" and "start" on standard output are for the test, which has
 * the broker. At the end every accepted operation has completed once, every userdata was freed once, and the threads are gone. */
#include "stress.h"

#include <arpa/inet.h>
#include <sys/socket.h>

enum { THREADS = 8 };
static char **arguments;
static char ca[16384], key[16384], certificate[16384];
static char client_key_path[512], ca_path[512], certificate_path[512];

static void act(bool may_block);

/* Some callbacks do something themselves, few something that blocks: what is pending must come to its end. */
static void react(void) {
    depth++;
    if (!is_stopping() && once_in(8)) act(once_in(8));
    depth--;
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    CHECK(completion->operation > 0);
    token_completed(userdata);
    react();
}

static void on_message(const aws_iot_mqtt_message *message, void *userdata) {
    struct token *token = userdata;
    CHECK_INT(strlen(message->topic), message->topic_len);
    __atomic_store_n(&token->slot->last_acknowledgement, message->acknowledgement, __ATOMIC_RELAXED);
    react();
}

static void on_online(bool session_present, void *userdata) {
    (void)session_present;
    CHECK(((struct token *)userdata)->slot != NULL);
    react();
}

static void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) {
    CHECK(((struct token *)userdata)->slot != NULL && detail[0] != '\0');
    CHECK(aws_iot_mqtt_error_message((int)error)[0] != '\0');
    react();
}

static void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) {
    (void)error, (void)next_attempt_ms;
    CHECK(((struct token *)userdata)->slot != NULL && detail[0] != '\0');
    react();
}

static void on_outcome(uint64_t operation, int kind, const char *topic, aws_iot_mqtt_error error, const char *detail, void *userdata) {
    (void)operation, (void)kind, (void)topic, (void)error, (void)detail;
    CHECK(((struct token *)userdata)->slot != NULL);
    react();
}

/* May not call the library. */
static void on_log(int level, const char *line, void *userdata) {
    CHECK(((struct token *)userdata)->slot != NULL && level >= 1 && line[0] != '\0');
}

static int connect_socket(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) {
    (void)remaining_ms;
    CHECK(((struct token *)userdata)->slot != NULL && host[0] != '\0');
    depth++;
    if (!is_stopping() && once_in(4)) act(once_in(8));
    depth--;
    if (once_in(8)) return -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int give_credentials(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) {
    (void)remaining_ms;
    CHECK(((struct token *)userdata)->slot != NULL);
    if (once_in(4)) return -1;
    return aws_iot_mqtt_credentials_set(sink, "AKIDEXAMPLE", "secret", "token", 0) == AWS_IOT_MQTT_OK ? 0 : -1;
}

/* A key that always refuses: signing itself is tested elsewhere. */
static int sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    CHECK(request->digest_len > 0 && signature != NULL && *signature_len > 0);
    CHECK(((struct token *)userdata)->slot != NULL);
    return -1;
}

static aws_iot_mqtt_error checked(aws_iot_mqtt_error error, const char *call) {
    ends();
    count(&calls);
    bool possible = error != AWS_IOT_MQTT_ERR_INTERNAL && error != AWS_IOT_MQTT_ERR_FORKED && error != AWS_IOT_MQTT_ERR_INVALID_UTF8 &&
                    error != AWS_IOT_MQTT_ERR_NO_MEMORY && (error != AWS_IOT_MQTT_ERR_WOULD_DEADLOCK || depth > 0);
    if (!possible) FAIL("seed %llu: %s gave %s: %s", (unsigned long long)seed, call, aws_iot_mqtt_error_name((int)error), aws_iot_mqtt_last_error_detail());
    return error;
}
#define CALL(name, ...) (begins(#name), checked(aws_iot_mqtt_client_##name(client, __VA_ARGS__), #name))
#define CALL0(name) (begins(#name), checked(aws_iot_mqtt_client_##name(client), #name))

/* A call that takes a callback: of four, one without. */
#define REGISTER(callback, name, ...) \
    do { \
        bool with = !once_in(4); \
        struct token *token = new_token(slot, false); \
        uint32_t number = token->number; \
        aws_iot_mqtt_error error = CALL(name, __VA_ARGS__ with ? (callback) : NULL, token, free_token); \
        settle(token, number, with && accepted(error)); \
    } while (0)

#define ASYNC(name, ...) \
    do { \
        bool with = !once_in(8); \
        struct token *token = new_token(slot, true); \
        uint32_t number = token->number; \
        uint64_t operation = 0; \
        aws_iot_mqtt_error error = CALL(name, __VA_ARGS__ with ? on_done : NULL, token, free_token, &operation); \
        CHECK(accepted(error) == (operation != 0)); \
        if (operation != 0) __atomic_store_n(&slot->last_operation, operation, __ATOMIC_RELAXED); \
        settle(token, number, with && accepted(error)); \
    } while (0)

static void subscribe(struct slot *slot, aws_iot_mqtt_client *client, const char *filter, bool manual) {
    bool with = !once_in(4);
    struct token *token = new_token(slot, false);
    uint32_t number = token->number;
    uint8_t granted = 0;
    int qos = (int)below(2);
    aws_iot_mqtt_message_fn callback = with ? on_message : NULL;
    aws_iot_mqtt_error error = manual ? CALL(subscribe_manual_acknowledge, filter, qos, callback, token, free_token, &granted)
                                      : CALL(subscribe, filter, qos, callback, token, free_token, &granted);
    settle(token, number, with && (accepted(error) || ended_after_acceptance(error)));
}

static void subscribe_async(struct slot *slot, aws_iot_mqtt_client *client, const char *filter, bool manual) {
    bool with = !once_in(4), completing = !once_in(4);
    struct token *token = new_token(slot, false), *completion = new_token(slot, true);
    uint32_t number = token->number, completion_number = completion->number;
    aws_iot_mqtt_message_fn callback = with ? on_message : NULL;
    aws_iot_mqtt_completion_fn done = completing ? on_done : NULL;
    uint64_t operation = 0;
    int qos = (int)below(2);
    aws_iot_mqtt_error error =
        manual ? CALL(subscribe_manual_acknowledge_async, filter, qos, done, completion, free_token, callback, token, free_token, &operation)
               : CALL(subscribe_async, filter, qos, done, completion, free_token, callback, token, free_token, &operation);
    settle(token, number, with && accepted(error));
    settle(completion, completion_number, completing && accepted(error));
}

static void register_callback(struct slot *slot, aws_iot_mqtt_client *client) {
    switch (below(9)) {
        case 0: REGISTER(on_online, on_online, ); break;
        case 1: REGISTER(on_offline, on_offline, ); break;
        case 2: REGISTER(on_message, on_message, ); break;
        case 3: REGISTER(on_connect_failed, on_connect_failed, ); break;
        case 4: REGISTER(on_outcome, on_outcome, ); break;
        case 5: REGISTER(on_log, on_log, (int)below(4) + 1, ); break;
        case 6: REGISTER(connect_socket, configure_socket_factory, ); break;
        case 7: REGISTER(give_credentials, configure_iam_credentials_provider, ); break;
        default:
            /* Without a callback it is refused; with one this client connects no more until it has its key again. */
            if (!once_in(8)) break;
            if (once_in(2)) REGISTER(sign, configure_private_key_callback, ca_path, certificate_path, NULL, AWS_IOT_MQTT_SIGNATURE_DER, );
            else REGISTER(sign, configure_private_key_callback_pem, ca, strlen(ca), certificate, strlen(certificate), NULL, AWS_IOT_MQTT_SIGNATURE_RAW, );
    }
}

/* Mostly what lets it connect. Where a connection is wanted most of these are refused, which is part of the test. */
static void configure(aws_iot_mqtt_client *client) {
    switch (below(28)) {
        case 0: CALL(configure_endpoint, arguments[1], once_in(8) ? 1 : (uint16_t)atoi(arguments[2])); break;
        case 1: CALL(configure_tls, !once_in(8)); break;
        case 2: CALL(configure_minimum_tls_version, once_in(2) ? AWS_IOT_MQTT_TLS_1_2 : AWS_IOT_MQTT_TLS_1_3); break;
        case 3: CALL(configure_username_password, once_in(2) ? "name" : NULL, NULL, 0); break;
        case 4: CALL(configure_last_will, "stress/will", "gone", 4, (int)below(2), false); break;
        case 5: CALL0(clear_last_will); break;
        case 6: CALL0(enable_metrics_collection); break;
        case 7: CALL0(disable_metrics_collection); break;
        case 8: CALL(configure_credentials, ca_path, client_key_path, certificate_path, NULL); break;
        case 9: CALL(configure_credentials_pem, ca, strlen(ca), key, strlen(key), certificate, strlen(certificate), NULL); break;
        case 10: CALL(configure_custom_authorizer, once_in(8) ? "authorizer" : NULL, NULL, NULL, NULL); break;
        case 11: CALL(configure_proxy, once_in(16) ? "http://127.0.0.1:1" : NULL); break;
        case 12: CALL(configure_alpn, NULL); break;
        case 13: CALL(configure_iam_credentials, "AKIDEXAMPLE", "secret", NULL); break;
        case 14: CALL(configure_iot_credentials_provider, once_in(4) ? "127.0.0.1" : NULL, (uint16_t)atoi(arguments[2]), "role", "thing"); break;
        case 15: CALL(configure_region, "eu-west-1"); break;
        case 16: CALL(configure_signing_service, NULL); break;
        case 17: CALL(configure_private_key_passphrase, once_in(2) ? "open" : NULL, once_in(2) ? 0 : 4); break;
        case 18: CALL(configure_auto_reconnect_backoff_time, 10 + below(40), 100, 200); break;
        case 19: CALL(configure_connect_disconnect_timeout, 500 + below(1500)); break;
        case 20: CALL(configure_mqtt_operation_timeout, 50 + below(500)); break;
        case 21: CALL(configure_retry_first_connect, once_in(2)); break;
        case 22: CALL(configure_retransmit_interval, once_in(2) ? 0 : 1000 + below(1000)); break;
        case 23: CALL(configure_ping_timeout, 1000 + below(1000)); break;
        case 24: CALL(configure_offline_publish_queueing, (int64_t)below(40), (int)below(2)); break;
        case 25: CALL(configure_draining_frequency, once_in(2) ? 0.0 : 500.0); break;
        case 26: CALL(configure_in_flight_window, 1 + below(20)); break;
        default:
            CALL(configure_memory_limit, 64 * 1024);
            CALL(configure_max_packet_size, 32 * 1024);
            CALL(configure_refused_by_close_limit, 1 + below(5));
    }
}

static aws_iot_mqtt_client *make_client(struct slot *slot) {
    static unsigned ids;
    char id[32];
    snprintf(id, sizeof id, "stress-%u", __atomic_add_fetch(&ids, 1, __ATOMIC_RELAXED));
    aws_iot_mqtt_client *client = NULL;
    int protocol = once_in(4) ? AWS_IOT_MQTT_PROTOCOL_3_1 : AWS_IOT_MQTT_PROTOCOL_3_1_1;
    CHECK_OK(aws_iot_mqtt_client_new(once_in(8) ? "" : id, protocol, once_in(16), true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, arguments[1], (uint16_t)atoi(arguments[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, ca_path, client_key_path, certificate_path, NULL));
    CHECK_OK(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(client, 20, 100, 200));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 2000));
    CHECK_OK(aws_iot_mqtt_client_configure_mqtt_operation_timeout(client, 300));
    CHECK_OK(aws_iot_mqtt_client_configure_offline_publish_queueing(client, 40, AWS_IOT_MQTT_DROP_OLDEST));
    slot->last_operation = slot->last_acknowledgement = 0;
    if (once_in(2)) ASYNC(connect_async, 60, );
    return client;
}

static void act_on(struct slot *slot, aws_iot_mqtt_client *client, bool may_block) {
    char filter[32], topic[32];
    unsigned kind = below(4);
    snprintf(filter, sizeof filter, kind == 0 ? "stress/%u/+" : kind == 1 ? "stress/%u/#" : "stress/%u/a", below(CLIENTS));
    snprintf(topic, sizeof topic, "stress/%u/a", below(CLIENTS));
    static const char payload[4096];
    size_t length = once_in(16) ? sizeof payload : below(64);
    switch (below(may_block ? 24 : 18)) {
        case 0: ASYNC(connect_async, 60, ); break;
        case 1: if (once_in(4)) ASYNC(disconnect_async, ); break;
        case 2: subscribe_async(slot, client, filter, false); break;
        case 3: subscribe_async(slot, client, filter, true); break;
        case 4: ASYNC(unsubscribe_async, filter, ); break;
        case 5: CALL(cancel, __atomic_load_n(&slot->last_operation, __ATOMIC_RELAXED)); break;
        case 6: CALL(acknowledge, __atomic_load_n(&slot->last_acknowledgement, __ATOMIC_RELAXED)); break;
        case 7: {
            int state = -1;
            CALL(state, &state);
            CHECK(state >= AWS_IOT_MQTT_STATE_IDLE && state <= AWS_IOT_MQTT_STATE_DISCONNECTING);
        } break;
        case 8: {
            aws_iot_mqtt_stats stats;
            CALL(stats, &stats, sizeof stats);
        } break;
        case 9: case 10: register_callback(slot, client); break;
        case 11: configure(client); break;
        case 12: if (once_in(8)) CALL0(reconnect); break;
        case 13: {
            bool matches = false;
            CHECK_OK(aws_iot_mqtt_topic_matches(filter, topic, &matches));
            CHECK(aws_iot_mqtt_version()[0] != '\0' && aws_iot_mqtt_error_name((int)below(700)) != NULL);
        } break;
        case 14: CALL(publish, topic, payload, length, 0, false); break;
        case 18: CALL(publish, topic, payload, length, 1, once_in(16)); break;
        case 19: subscribe(slot, client, filter, false); break;
        case 20: subscribe(slot, client, filter, true); break;
        case 21: CALL(unsubscribe, filter); break;
        case 22: CALL(connect, 60); break;
        case 23: if (once_in(4)) CALL(disconnect, NULL); break;
        default: /* A burst. */
            for (unsigned i = below(20); i > 0; i--) ASYNC(publish_async, topic, payload, length, (int)below(2), false, );
    }
}

static void act(bool may_block) {
    struct slot *slot = &slots[below(CLIENTS)];
    if (once_in(40)) {
        free_if_idle(slot);
        return;
    }
    aws_iot_mqtt_client *client = acquire(slot);
    act_on(slot, client, may_block);
    release(slot);
}

static struct gate ended = GATE;

static void *run(void *unused) {
    (void)unused;
    while (!is_stopping()) act(once_in(8));
    gate_open(&ended);
    return NULL;
}

static void *nothing(void *unused) {
    return unused;
}

static void *free_all(void *unused) {
    (void)unused;
    for (int i = 0; i < CLIENTS; i++) free_if_idle(&slots[i]);
    gate_open(&ended);
    return NULL;
}

static void read_file(const char *path, char *text, size_t size) {
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t length = fread(text, 1, size - 1, file);
    CHECK(length > 0 && length < size - 1);
    text[length] = '\0';
    fclose(file);
}

/* Waits in steps of at most a second, and looks at every thread after each. */
static void wait_for(unsigned threads_ended, long long until) {
    while (gate_count(&ended) < threads_ended && now_ms() < until) {
        gate_reached(&ended, threads_ended, 1);
        watch_over_all();
    }
}

static struct numbers threads_before, descriptors_before;

static bool as_before(void) {
    return threads().count <= threads_before.count && descriptors().count <= descriptors_before.count;
}

int main(int argc, char **argv) {
    CHECK(argc > 5);
    arguments = argv;
    long long until = now_ms() + atoi(argv[4]) * 1000LL;
    seed = strtoull(argv[5], NULL, 10);
    printf("seed=%s\n", argv[5]);
    snprintf(ca_path, sizeof ca_path, "%s", in_directory(argv[3], "ca.pem"));
    snprintf(client_key_path, sizeof client_key_path, "%s", in_directory(argv[3], "client.key"));
    snprintf(certificate_path, sizeof certificate_path, "%s", in_directory(argv[3], "client.pem"));
    read_file(ca_path, ca, sizeof ca);
    read_file(client_key_path, key, sizeof key);
    read_file(certificate_path, certificate, sizeof certificate);
    book = calloc(MOST_TOKENS, sizeof *book);
    CHECK(book != NULL);
    for (int i = 0; i < CLIENTS; i++) CHECK_INT(0, pthread_mutex_init(&slots[i].mutex, NULL));
    /* ThreadSanitizer starts a thread of its own with the first of the program. */
    CHECK_INT(0, pthread_join(start_thread(nothing, NULL), NULL));
    threads_before = threads();
    descriptors_before = descriptors();
    pthread_t workers[THREADS];
    for (int i = 0; i < THREADS; i++) workers[i] = start_thread(run, NULL);
    /* The broker is there for one to two seconds and away for one. */
    for (bool up = true; now_ms() < until; up = !up) {
        wait_for(1, now_ms() + 1000 + (up ? below(1000) : 0));
        printf("%s\n", up ? "kill" : "start");
        fflush(stdout);
    }
    __atomic_store_n(&stopping, true, __ATOMIC_RELEASE);
    wait_for(THREADS, now_ms() + DEADLINE_SECS * 2000LL);
    CHECK_INT(THREADS, gate_count(&ended));
    for (int i = 0; i < THREADS; i++) CHECK_INT(0, pthread_join(workers[i], NULL));
    pthread_t freeing = start_thread(free_all, NULL);
    wait_for(THREADS + 1, now_ms() + DEADLINE_SECS * 2000LL);
    CHECK_INT(THREADS + 1, gate_count(&ended));
    CHECK_INT(0, pthread_join(freeing, NULL));
    if (!becomes(as_before))
        FAIL("seed %s: %d threads and %d descriptors, at first %d and %d", argv[5], threads().count, descriptors().count, threads_before.count,
             descriptors_before.count);
    balance();
    free(book);
    return 0;
}
