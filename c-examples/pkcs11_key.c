/* Publishes with a private key that never leaves its PKCS#11 token (a smart card, a TPM behind tpm2-pkcs11, SoftHSM):
 *   PKCS11_MODULE=/usr/lib/softhsm/libsofthsm2.so PKCS11_PIN=1234 pkcs11_key --ca FILE --cert FILE --key LABEL-OF-THE-KEY ...
 * The header of PKCS#11 is that of p11-kit: pkg-config --cflags p11-kit-1. */
#define _POSIX_C_SOURCE 200809L
#include <aws_iot_mqtt.h>
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include "options.h"

struct token {
    CK_FUNCTION_LIST *module;
    CK_SESSION_HANDLE session;
    CK_OBJECT_HANDLE key;
};

/* How the token is to sign, and whether it wants the digest or does the hashing, too. */
static CK_MECHANISM mechanism_of(int scheme, CK_RSA_PKCS_PSS_PARAMS *pss, bool *wants_digest)
{
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, pss, sizeof *pss};
    *wants_digest = true;
    switch (scheme) {
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256: *pss = (CK_RSA_PKCS_PSS_PARAMS){CKM_SHA256, CKG_MGF1_SHA256, 32}; break;
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384: *pss = (CK_RSA_PKCS_PSS_PARAMS){CKM_SHA384, CKG_MGF1_SHA384, 48}; break;
    case AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512: *pss = (CK_RSA_PKCS_PSS_PARAMS){CKM_SHA512, CKG_MGF1_SHA512, 64}; break;
    case AWS_IOT_MQTT_SCHEME_ECDSA_P256_SHA256:
    case AWS_IOT_MQTT_SCHEME_ECDSA_P384_SHA384:
    case AWS_IOT_MQTT_SCHEME_ECDSA_P521_SHA512: mechanism = (CK_MECHANISM){CKM_ECDSA, NULL, 0}; break;
    default: /* RSASSA-PKCS1-v1_5 */
        *wants_digest = false;
        mechanism = (CK_MECHANISM){scheme == AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256   ? CKM_SHA256_RSA_PKCS
                                   : scheme == AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384 ? CKM_SHA384_RSA_PKCS
                                                                                    : CKM_SHA512_RSA_PKCS, NULL, 0};
    }
    return mechanism;
}

/* Runs on a thread of the library, at most once at a time for this client; a slow token delays nothing but this connection. */
static int on_sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata)
{
    struct token *token = (struct token *)userdata;
    CK_RSA_PKCS_PSS_PARAMS pss;
    bool wants_digest;
    CK_MECHANISM mechanism = mechanism_of(request->scheme, &pss, &wants_digest);
    CK_ULONG length = *signature_len;
    CK_RV result = token->module->C_SignInit(token->session, &mechanism, token->key);
    if (result == CKR_OK)
        result = token->module->C_Sign(token->session, (CK_BYTE *)(wants_digest ? request->digest : request->message),
                                       wants_digest ? request->digest_len : request->message_len, signature, &length);
    *signature_len = length;
    return (int)result; /* CKR_OK is 0; any other number comes back in the detail of the error */
}

/* Finds the private key `label` in whatever slot has it, and logs in there. */
static bool token_open(struct token *token, const char *path, const char *pin, const char *label)
{
    CK_RV (*get_functions)(CK_FUNCTION_LIST **) = NULL;
    void *library = dlopen(path, RTLD_NOW);
    if (library != NULL)
        *(void **)&get_functions = dlsym(library, "C_GetFunctionList");
    CK_C_INITIALIZE_ARGS threads = {.flags = CKF_OS_LOCKING_OK}; /* the callback runs on other threads */
    CK_SLOT_ID slots[16];
    CK_ULONG slots_len = sizeof slots / sizeof slots[0];
    if (get_functions == NULL || get_functions(&token->module) != CKR_OK || token->module->C_Initialize(&threads) != CKR_OK
        || token->module->C_GetSlotList(CK_TRUE, slots, &slots_len) != CKR_OK) {
        fprintf(stderr, "%s: not a PKCS#11 module, or with more than %zu tokens\n", path, sizeof slots / sizeof slots[0]);
        return false;
    }
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &private_key, sizeof private_key}, {CKA_LABEL, (void *)label, strlen(label)}};
    for (CK_ULONG i = 0; i < slots_len; i++) {
        CK_ULONG found = 0;
        if (token->module->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL, &token->session) != CKR_OK)
            continue;
        if (token->module->C_Login(token->session, CKU_USER, (CK_BYTE *)pin, strlen(pin)) == CKR_OK
            && token->module->C_FindObjectsInit(token->session, wanted, 2) == CKR_OK) {
            token->module->C_FindObjects(token->session, &token->key, 1, &found);
            token->module->C_FindObjectsFinal(token->session);
        }
        if (found == 1)
            return true;
        token->module->C_CloseSession(token->session);
    }
    fprintf(stderr, "no token has a private key with the label %s, or the PIN is wrong\n", label);
    return false;
}

static bool succeeded(const char *call, aws_iot_mqtt_error error)
{
    if (error == AWS_IOT_MQTT_QUEUED)
        fprintf(stderr, "%s: the connection is away, and this program does not wait for it (offline.c does)\n", call);
    else if (error != AWS_IOT_MQTT_OK)
        fprintf(stderr, "%s: %s: %s\n", call, aws_iot_mqtt_error_name(error), aws_iot_mqtt_last_error_detail());
    return error == AWS_IOT_MQTT_OK;
}

int main(int argc, char **argv)
{
    struct options options;
    struct token token;
    const char *module = getenv("PKCS11_MODULE"), *pin = getenv("PKCS11_PIN"), *text = "signed in the token";
    if (options_parse(argc, argv, &options) != 0 || module == NULL || pin == NULL) {
        fprintf(stderr, "PKCS11_MODULE and PKCS11_PIN must be set, and --key is the label of a private key in the token\n");
        return 2;
    }
    aws_iot_mqtt_client *client = NULL;
    if (!token_open(&token, module, pin, options.key)
        || !succeeded("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client)))
        return 1;
    bool ok = succeeded("configure_endpoint", aws_iot_mqtt_client_configure_endpoint(client, options.endpoint, options_port(&options)))
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
    token.module->C_Finalize(NULL);
    return ok ? 0 : 1;
}
