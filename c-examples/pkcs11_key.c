/* Publishes with a private key that never leaves its PKCS#11 token (a smart card, a TPM behind tpm2-pkcs11, SoftHSM):
 *   PKCS11_MODULE=/usr/lib/softhsm/libsofthsm2.so PKCS11_TOKEN=ITS-LABEL PKCS11_PIN=1234 pkcs11_key --ca FILE --cert FILE --key LABEL-OF-THE-KEY */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <dlfcn.h>
#include <p11-kit/pkcs11.h> /* the header of PKCS#11 that p11-kit has: pkg-config --cflags p11-kit-1 */
#include <stdbool.h>
#include "options.h"

struct token {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
};

/* How the token is to sign: PSS and ECDSA want the digest, RSASSA-PKCS1-v1_5 does the hashing, too. */
static const struct { int scheme; CK_MECHANISM_TYPE mechanism; CK_RSA_PKCS_PSS_PARAMS pss; } SCHEMES[] = {
    {AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256, CKM_RSA_PKCS_PSS, {CKM_SHA256, CKG_MGF1_SHA256, 32}},
    {AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384, CKM_RSA_PKCS_PSS, {CKM_SHA384, CKG_MGF1_SHA384, 48}},
    {AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512, CKM_RSA_PKCS_PSS, {CKM_SHA512, CKG_MGF1_SHA512, 64}},
    {AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256, CKM_SHA256_RSA_PKCS, {0}}, {AWS_IOT_MQTT_SCHEME_ECDSA_P256_SHA256, CKM_ECDSA, {0}},
    {AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384, CKM_SHA384_RSA_PKCS, {0}}, {AWS_IOT_MQTT_SCHEME_ECDSA_P384_SHA384, CKM_ECDSA, {0}},
    {AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA512, CKM_SHA512_RSA_PKCS, {0}}, {AWS_IOT_MQTT_SCHEME_ECDSA_P521_SHA512, CKM_ECDSA, {0}},
};

/* Runs on a thread of the library, at most once at a time for this client; a slow token delays nothing but this connection. */
static int on_sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata)
{
    struct token *token = (struct token *)userdata;
    size_t i = 0;
    while (SCHEMES[i].scheme != request->scheme)
        if (++i == sizeof SCHEMES / sizeof SCHEMES[0])
            return -1; /* like every number but 0 it comes back in the detail of the error */
    const bool is_pss = SCHEMES[i].mechanism == CKM_RSA_PKCS_PSS, wants_digest = is_pss || SCHEMES[i].mechanism == CKM_ECDSA;
    CK_MECHANISM mechanism = {SCHEMES[i].mechanism, is_pss ? (void *)&SCHEMES[i].pss : NULL, is_pss ? sizeof SCHEMES[i].pss : 0};
    CK_ULONG length = *signature_len;
    CK_RV result = token->module->C_SignInit(token->session, &mechanism, token->key);
    if (result == CKR_OK)
        result = token->module->C_Sign(token->session, (CK_BYTE *)(wants_digest ? request->digest : request->message),
                                       wants_digest ? request->digest_len : request->message_len, signature, &length);
    *signature_len = length;
    return (int)result; /* CKR_OK is 0 */
}

/* How many tokens there are, of this label if it is not NULL; `slot` receives the last one's. PKCS#11 pads labels with blanks. */
static CK_ULONG tokens(CK_FUNCTION_LIST *module, const char *label, CK_ULONG *slot)
{
    CK_ULONG slots[64], slots_len = sizeof slots / sizeof slots[0], found = 0;
    CK_TOKEN_INFO info;
    char padded[sizeof info.label + 1];
    if (snprintf(padded, sizeof padded, "%-*s", (int)sizeof info.label, label != NULL ? label : "") > (int)sizeof info.label
        || module->C_GetSlotList(CK_TRUE, slots, &slots_len) != CKR_OK)
        return 0;
    for (CK_ULONG i = 0; i < slots_len; i++)
        if (module->C_GetTokenInfo(slots[i], &info) == CKR_OK && (info.flags & CKF_TOKEN_INITIALIZED) != 0
            && (label == NULL || memcmp(info.label, padded, sizeof info.label) == 0))
            found++, *slot = slots[i];
    return found;
}

/* Finds the private key `label` in the token `name`. It logs in to no other one: a card locks itself after a few wrong PINs. */
static bool token_open(struct token *token, const char *path, const char *name, const char *pin, const char *label)
{
    CK_RV (*get_functions)(CK_FUNCTION_LIST **);
    void *library = dlopen(path, RTLD_NOW);
    *(void **)&get_functions = library != NULL ? dlsym(library, "C_GetFunctionList") : NULL;
    CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK}; /* the callback runs on other threads */
    CK_ULONG slot = 0, found = 0, private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key}, {CKA_LABEL, (void *)label, strlen(label)}};
    if (get_functions == NULL || get_functions(&token->module) != CKR_OK || token->module->C_Initialize(&threads) != CKR_OK)
        fprintf(stderr, "%s: not a PKCS#11 module\n", path);
    else if (tokens(token->module, name, &slot) != 1)
        fprintf(stderr, "PKCS11_TOKEN must be the label of one token; without it there must be one token only\n");
    else if (token->module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &token->session) != CKR_OK
             || token->module->C_Login(token->session, CKU_USER, (CK_BYTE *)pin, strlen(pin)) != CKR_OK)
        fprintf(stderr, "the token does not take this PIN\n");
    else if (token->module->C_FindObjectsInit(token->session, wanted, 2) != CKR_OK
             || token->module->C_FindObjects(token->session, &token->key, 1, &found) != CKR_OK
             || token->module->C_FindObjectsFinal(token->session) != CKR_OK || found != 1)
        fprintf(stderr, "the token has no private key with the label %s\n", label);
    else
        return true;
    return false;
}

static bool succeeded(const char *call, aws_iot_mqtt_error error)
{
    if (error != AWS_IOT_MQTT_OK) /* QUEUED too: this program does not wait for a connection, offline.c does */
        fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error),
                error == AWS_IOT_MQTT_QUEUED ? "the connection is away" : aws_iot_mqtt_last_error_detail());
    return error == AWS_IOT_MQTT_OK;
}

int main(int argc, char **argv)
{
    struct options options;
    struct token token = {NULL, 0, 0};
    const char *module = getenv("PKCS11_MODULE"), *pin = getenv("PKCS11_PIN"), *text = "signed in the token";
    if (options_parse(argc, argv, &options) != 0 || module == NULL || pin == NULL) {
        fprintf(stderr, "PKCS11_MODULE and PKCS11_PIN must be set, and --key is the label of a private key in the token\n");
        return 2;
    }
    aws_iot_mqtt_client *client = NULL;
    bool ok = token_open(&token, module, getenv("PKCS11_TOKEN"), pin, options.key)
        && succeeded("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client))
        && succeeded("configure_endpoint", aws_iot_mqtt_client_configure_endpoint(client, options.endpoint, options_port(&options)))
        && succeeded("configure_private_key_callback",
                     aws_iot_mqtt_client_configure_private_key_callback(client, options.ca, options.cert, NULL,
                                                                        AWS_IOT_MQTT_SIGNATURE_RAW, on_sign, &token, NULL))
        && succeeded("connect", aws_iot_mqtt_client_connect(client, AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS));
    int acknowledged = 0;
    for (; ok && acknowledged < options_count(&options); acknowledged += ok)
        ok = succeeded("publish", aws_iot_mqtt_client_publish(client, options.topic, text, strlen(text), AWS_IOT_MQTT_QOS_1, false));
    printf("acknowledged %d\n", acknowledged);
    ok = ok && succeeded("disconnect", aws_iot_mqtt_client_disconnect(client, NULL));
    aws_iot_mqtt_client_free(client); /* after this nothing is signed any more */
    if (token.module != NULL)
        token.module->C_Finalize(NULL); /* ends the session, and with it the login */
    return ok ? 0 : 1;
}
