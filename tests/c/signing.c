/* A private key that only this program can use: OpenSSL's libcrypto signs, on behalf of a token. Behind the case's name: the certificate. */
#include "proc.h"
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static struct gate asked = GATE, may_return = GATE, returned = GATE, freed = GATE, freed_later = GATE, done = GATE;
static EVP_PKEY *key;
static aws_iot_mqtt_client *client;
static int last_scheme;
static pthread_t main_thread;

static EVP_PKEY *load(const char *directory, const char *name) {
    char file[128];
    snprintf(file, sizeof file, "%s.key", name);
    FILE *stream = fopen(in_directory(directory, file), "r");
    CHECK(stream != NULL);
    EVP_PKEY *loaded = PEM_read_PrivateKey(stream, NULL, NULL, NULL);
    CHECK(loaded != NULL);
    fclose(stream);
    return loaded;
}

static const char *certificate(char **argv) {
    static char file[128];
    snprintf(file, sizeof file, "%s.pem", argv[5]);
    return in_directory(argv[3], file);
}

/* As a token does it that gets a digest: CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS. */
static int sign_digest(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len) {
    const EVP_MD *hash = request->digest_len == 32 ? EVP_sha256() : request->digest_len == 48 ? EVP_sha384() : EVP_sha512();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    CHECK(EVP_PKEY_sign_init(context) == 1 && EVP_PKEY_CTX_set_signature_md(context, hash) == 1);
    switch (request->scheme) {
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256:
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384:
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512:
        CHECK(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) == 1);
        CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) == 1);
        break;
    case AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256:
    case AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384:
    case AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA512:
        CHECK(EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1);
        break;
    }
    int good = EVP_PKEY_sign(context, signature, signature_len, request->digest, request->digest_len);
    EVP_PKEY_CTX_free(context);
    /* The thread may live on when the program ends; its random generators would count as leaks. */
    OPENSSL_thread_stop();
    return good == 1 ? 0 : 1;
}

/* The same signature as r and s one after the other. */
static void make_raw(uint8_t *signature, size_t *signature_len) {
    const unsigned char *der = signature;
    ECDSA_SIG *parsed = d2i_ECDSA_SIG(NULL, &der, (long)*signature_len);
    CHECK(parsed != NULL);
    int half = (EVP_PKEY_bits(key) + 7) / 8;
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_r(parsed), signature, half) == half);
    CHECK(BN_bn2binpad(ECDSA_SIG_get0_s(parsed), signature + half, half) == half);
    *signature_len = (size_t)half * 2;
    ECDSA_SIG_free(parsed);
}

static int on_sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)userdata;
    CHECK(!pthread_equal(main_thread, pthread_self()));
    CHECK_INT(1024, *signature_len);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_len = 0;
    const EVP_MD *hash = request->digest_len == 32 ? EVP_sha256() : request->digest_len == 48 ? EVP_sha384() : EVP_sha512();
    CHECK(EVP_Digest(request->message, request->message_len, digest, &digest_len, hash, NULL) == 1);
    CHECK(digest_len == request->digest_len && memcmp(digest, request->digest, digest_len) == 0);
    last_scheme = request->scheme;
    gate_open(&asked);
    return sign_digest(request, signature, signature_len);
}

static int on_sign_raw(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    int result = on_sign(request, signature, signature_len, userdata);
    if (EVP_PKEY_base_id(key) == EVP_PKEY_EC) make_raw(signature, signature_len);
    return result;
}

static void use(char **argv, int form, aws_iot_mqtt_sign_fn callback) {
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(argv[3], "ca.pem"), certificate(argv), NULL, form,
                                                                callback, &freed, count_free));
}

/* The broker sees the certificate, and messages go both ways of its answer. argv[6]: the scheme. */
static void signs(char **argv) {
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, on_sign);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(1, gate_count(&asked));
    CHECK_INT(strtol(argv[6], NULL, 16), last_scheme);
    CHECK_OK(publish_text(client, "signed", "x", 1));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    CHECK_INT(0, gate_count(&freed));
    /* From memory and raw; what is replaced is freed while the client lives. */
    char text[8192];
    FILE *file = fopen(certificate(argv), "r");
    CHECK(file != NULL);
    size_t length = fread(text, 1, sizeof text, file);
    fclose(file);
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback(client, in_directory(argv[3], "ca.pem"), certificate(argv), NULL,
                                                                AWS_IOT_MQTT_SIGNATURE_DER, on_sign, &freed, count_free));
    gate_wait(&freed, 1);
    char ca[8192];
    file = fopen(in_directory(argv[3], "ca.pem"), "r");
    CHECK(file != NULL);
    size_t ca_length = fread(ca, 1, sizeof ca, file);
    fclose(file);
    CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback_pem(client, ca, ca_length, text, length, NULL,
                                                                    AWS_IOT_MQTT_SIGNATURE_RAW, on_sign_raw, &freed_later, count_free));
    gate_wait(&freed, 2);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(2, gate_count(&asked));
    CHECK_OK(publish_text(client, "signed", "y", 1));
    CHECK_OK(aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client);
    client = NULL;
    CHECK_INT(2, gate_count(&freed));
    CHECK_INT(1, gate_count(&freed_later));
}

static int fails(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)signature_len, (void)userdata;
    return -17;
}

static int says_nothing(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)userdata;
    *signature_len = 0;
    return 0;
}

static int says_too_much(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)signature, (void)userdata;
    *signature_len = SIZE_MAX;
    return 0;
}

static int says_garbage(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    (void)request, (void)userdata;
    memset(signature, 0x30, *signature_len);
    *signature_len = 70;
    return 0;
}

static void refused(char **argv) {
    const struct {
        aws_iot_mqtt_sign_fn callback;
        const char *culprit;
    } bad[] = {{fails, "-17"}, {says_nothing, "does not fit"}, {says_too_much, "room for 1024"}, {says_garbage, "does not fit"},
               {on_sign_raw, "AWS_IOT_MQTT_SIGNATURE_RAW"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        use(argv, AWS_IOT_MQTT_SIGNATURE_DER, bad[i].callback);
        CHECK_FAILS(AWS_IOT_MQTT_ERR_PRIVATE_KEY, bad[i].culprit, aws_iot_mqtt_client_connect(client, 60));
        CHECK_CONTAINS("callback", aws_iot_mqtt_last_error_detail());
        CHECK_CONTAINS(certificate(argv), aws_iot_mqtt_last_error_detail());
    }
    /* A key that is not the certificate's. */
    EVP_PKEY_free(key);
    key = load(argv[3], "other_client");
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, on_sign);
    CHECK_FAILS(AWS_IOT_MQTT_ERR_PRIVATE_KEY, "does not fit", aws_iot_mqtt_client_connect(client, 60));
    aws_iot_mqtt_client_free(client);
    client = NULL;
    CHECK_INT(6, gate_count(&freed));
}

static void on_done(const aws_iot_mqtt_completion *completion, void *userdata) {
    *(int *)userdata = (int)completion->error;
    gate_open(&done);
}

/* Every function may be called; those that wait for this client would wait for themselves. */
static int calls(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    int state = 77;
    size_t left;
    static int ignored;
    CHECK_OK(aws_iot_mqtt_client_state(client, &state));
    CHECK_INT(AWS_IOT_MQTT_STATE_CONNECTING, state);
    CHECK_CODE(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, publish_text(client, "inside", "x", 1));
    CHECK_CODE(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, aws_iot_mqtt_client_connect(client, 60));
    CHECK_CODE(AWS_IOT_MQTT_ERR_WOULD_DEADLOCK, aws_iot_mqtt_client_disconnect(client, &left));
    uint64_t operation;
    CHECK_CODE(AWS_IOT_MQTT_QUEUED,
               aws_iot_mqtt_client_publish_async(client, "inside", "y", 1, 1, false, on_done, &ignored, NULL, &operation));
    return on_sign(request, signature, signature_len, userdata);
}

static void calls_inside(char **argv) {
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, calls);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    gate_wait(&done, 1);
    disconnect_and_free(client);
    client = NULL;
}

static int blocks(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    gate_open(&asked);
    gate_wait(&may_return, 1);
    int result = sign_digest(request, signature, signature_len);
    CHECK_INT(0, gate_count(&freed));
    (void)userdata;
    gate_open(&returned);
    return result;
}

/* Nothing of this client or of another waits for a callback but the attempt; a second attempt does not run a second one beside it. */
static void blocks_long(char **argv) {
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, blocks);
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 1000));
    CHECK_FAILS(AWS_IOT_MQTT_ERR_TIMEOUT, "callback", aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(1, gate_count(&asked));
    /* Sixteen more that block: other clients still find a worker and a dialer. */
    enum { MANY = 16 };
    static aws_iot_mqtt_client *many[MANY];
    static int outcomes[MANY];
    uint64_t operation;
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof name, "many-%d", i);
        many[i] = new_client_named(argv, name, true);
        CHECK_OK(aws_iot_mqtt_client_configure_private_key_callback(many[i], in_directory(argv[3], "ca.pem"), certificate(argv), NULL,
                                                                    AWS_IOT_MQTT_SIGNATURE_DER, blocks, NULL, NULL));
        CHECK_OK(aws_iot_mqtt_client_connect_async(many[i], 60, on_done, &outcomes[i], NULL, &operation));
    }
    gate_wait(&asked, 1 + MANY);
    aws_iot_mqtt_client *other = connected_client(argv);
    CHECK_OK(publish_text(other, "other", "goes on", 1));
    disconnect_and_free(other);

    CHECK_FAILS(AWS_IOT_MQTT_ERR_TIMEOUT, "callback", aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(1 + MANY, gate_count(&asked));
    CHECK_OK(aws_iot_mqtt_client_configure_connect_disconnect_timeout(client, 60000));
    static int outcome = -1;
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, on_done, &outcome, NULL, &operation));
    gate_open(&may_return);
    gate_wait(&done, 1 + MANY);
    CHECK_INT(AWS_IOT_MQTT_OK, outcome);
    CHECK_INT(2 + MANY, gate_count(&asked));
    for (int i = 0; i < MANY; i++) {
        CHECK_INT(AWS_IOT_MQTT_OK, outcomes[i]);
        disconnect_and_free(many[i]);
    }
    disconnect_and_free(client);
    client = NULL;
    CHECK_INT(1, gate_count(&freed));
}

static void *free_client(void *argument) {
    gate_wait(&asked, 1);
    aws_iot_mqtt_client_free(argument);
    /* It has waited for the callback. */
    CHECK_INT(1, gate_count(&returned));
    CHECK_INT(1, gate_count(&freed));
    return NULL;
}

static void freed_outside(char **argv) {
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, blocks);
    int outcome = -1;
    uint64_t operation;
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, on_done, &outcome, NULL, &operation));
    pthread_t thread = start_thread(free_client, client);
    gate_wait(&done, 1);
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, outcome);
    CHECK_INT(0, gate_count(&freed));
    gate_open(&may_return);
    CHECK_INT(0, pthread_join(thread, NULL));
    client = NULL;
}

static int frees(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) {
    aws_iot_mqtt_client_free(client);
    CHECK_INT(0, gate_count(&freed));
    return on_sign(request, signature, signature_len, userdata);
}

static void freed_inside(char **argv) {
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, frees);
    int outcome = -1;
    uint64_t operation;
    CHECK_OK(aws_iot_mqtt_client_connect_async(client, 60, on_done, &outcome, NULL, &operation));
    gate_wait(&done, 1);
    CHECK_INT(AWS_IOT_MQTT_ERR_CANCELLED, outcome);
    gate_wait(&freed, 1);
    client = NULL;
}

static char **arguments;

/* False where the moment for which threads stay was over before the next client came. */
static bool is_given_back_although_threads_stay(void) {
    int before = gate_count(&freed);
    client = new_client(arguments);
    use(arguments, AWS_IOT_MQTT_SIGNATURE_DER, on_sign);
    CHECK_OK(aws_iot_mqtt_client_connect(client, 60));
    disconnect_and_free(client);
    CHECK_INT(before + 1, gate_count(&freed));
    struct numbers kept = threads();
    client = new_client(arguments);
    struct numbers now = threads();
    aws_iot_mqtt_client_free(client);
    client = NULL;
    bool all = kept.count > 1;
    for (int i = 0; i < kept.count; i++) all &= among(now, kept.values[i]);
    return all;
}

/* An application that makes clients again and again finds the threads of the last one, but each key is given back with its client. */
static void again(char **argv) {
    aws_iot_mqtt_client_free(client);
    arguments = argv;
    CHECK(becomes(is_given_back_although_threads_stay));
    CHECK(becomes(is_given_back_although_threads_stay));
}

/* What the AWS IoT credentials provider on argv[6] gave as an answer to this key does not keep it when other credentials have replaced it. */
static void replaced(char **argv) {
    aws_iot_mqtt_client_free(client);
    CHECK_OK(aws_iot_mqtt_client_new("lamp", MQTT_3_1_1, true, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    CHECK_OK(aws_iot_mqtt_client_configure_region(client, "eu-central-1"));
    CHECK_OK(aws_iot_mqtt_client_configure_iot_credentials_provider(client, argv[1], (uint16_t)atoi(argv[6]), "My-Role", "lamp"));
    use(argv, AWS_IOT_MQTT_SIGNATURE_DER, on_sign);
    CHECK_CODE(AWS_IOT_MQTT_ERR_CONNECTION_REFUSED, aws_iot_mqtt_client_connect(client, 60));
    CHECK_INT(1, gate_count(&asked));
    CHECK_OK(aws_iot_mqtt_client_configure_credentials(client, in_directory(argv[3], "ca.pem"), NULL, NULL, NULL));
    gate_wait(&freed, 1);
}

int main(int argc, char **argv) {
    static const struct test_case cases[] = {
        {"signs", signs},       {"refused", refused},         {"calls_inside", calls_inside},
        {"blocks", blocks_long}, {"freed_outside", freed_outside}, {"freed_inside", freed_inside},
        {"again", again},         {"replaced", replaced},
    };
    CHECK(argc > 5);
    main_thread = pthread_self();
    key = load(argv[3], argv[5]);
    client = NULL;
    if (getenv("TEST_LOOP") != NULL)
        CHECK_OK(aws_iot_mqtt_client_new_in_loop(driven_loop(), "signer", MQTT_3_1_1, false, true, &client));
    else
        CHECK_OK(aws_iot_mqtt_client_new("signer", MQTT_3_1_1, false, true, &client));
    CHECK_OK(aws_iot_mqtt_client_configure_endpoint(client, argv[1], (uint16_t)atoi(argv[2])));
    int result = RUN_CASE(cases);
    if (client != NULL) aws_iot_mqtt_client_free(client);
    EVP_PKEY_free(key);
    return result;
}
