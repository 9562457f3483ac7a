/* SPDX-License-Identifier: Apache-2.0 */

/**
 * @file
 * MQTT client for AWS IoT.
 *
 * This header is the manual. These rules hold for every function; what a function adds to them stands beside it.
 *
 * 1.  Arguments. The handle comes first, outputs come last. Every input is copied before the call returns.
 * 2.  Errors. A function that can fail returns aws_iot_mqtt_error. AWS_IOT_MQTT_OK and AWS_IOT_MQTT_QUEUED mean that the
 *     call was accepted. On anything else nothing has changed, no output was written and no userdata was taken, with
 *     two exceptions. A synchronous publish, subscribe or unsubscribe that returns AWS_IOT_MQTT_ERR_TIMEOUT, _CANCELLED,
 *     _REFUSED_BY_CLOSE or _SUBSCRIBE_REFUSED was accepted and has ended, and its userdata was taken. A connect may have made
 *     an attempt: aws_iot_mqtt_client_connect() says with which errors. Treat a number that you do not know as a failure.
 *     aws_iot_mqtt_last_error_detail() says what to mend.
 * 3.  Any call can also return AWS_IOT_MQTT_ERR_INVALID_ARGUMENT (NULL where a pointer is required, or a value out of
 *     range), AWS_IOT_MQTT_ERR_INVALID_UTF8, AWS_IOT_MQTT_ERR_NO_MEMORY, AWS_IOT_MQTT_ERR_FORKED (rule 11) and
 *     AWS_IOT_MQTT_ERR_INTERNAL (a bug in this library). They are not listed again.
 * 4.  Strings. Names, paths and topics are UTF-8 and end with a NUL. Payloads, passwords and PEM texts are a pointer and a
 *     length, and may hold any byte. A NULL pointer with length 0 is an empty one. Strings that a function returns
 *     belong to the library.
 * 5.  NULL. A pointer must not be NULL unless its description says so.
 * 6.  Threads. Every function may be called on any thread, several at a time, also on one client. Only the last use of a
 *     client is yours to order: no call may begin after aws_iot_mqtt_client_free() has begun.
 * 7.  Callbacks run on threads of the library; for one client one at a time and in order, with no lock held. They may call
 *     every function of this library, blocking ones and aws_iot_mqtt_client_free() included. A slow callback delays the later
 *     callbacks of its own client, and so the PUBACKs of the messages that wait for them, and nothing else, up to two limits: a
 *     client for which 1 MiB of messages waits (4 MiB while a synchronous call waits) reads nothing more until they have been
 *     delivered, so its own operations are not acknowledged meanwhile; and at most 64 callbacks of a process run at once.
 *     Log, socket factory, credentials provider, signing and userdata_free callbacks differ; their types say how. Clients in a
 *     loop of the application have no threads of the library: see aws_iot_mqtt_loop_new().
 *     A callback must return: no C++ exception and no longjmp may leave it.
 * 8.  Lent pointers. What a callback gets by pointer is valid until the callback returns. Lent structs are made by the
 *     library and may grow at their end: read their fields, do not copy them as a whole and do not depend on their size.
 * 9.  Userdata. Every callback comes as three arguments: the callback, a userdata that is handed to it, and userdata_free,
 *     which may be NULL. When the call was accepted the library owns the userdata and calls userdata_free exactly
 *     once, after the last use: when the callback was replaced or removed, when its subscription ended, when the completion
 *     has run, or in aws_iot_mqtt_client_free(). When the call was not accepted, or the callback is NULL, the userdata was not
 *     taken and is still yours. A synchronous subscribe that was accepted and then failed (rule 2) has taken it: do not free it.
 *     After AWS_IOT_MQTT_ERR_INTERNAL nobody can tell: leave it alone.
 * 10. Signals. The library installs no signal handler, blocks all signals on its threads and raises no SIGPIPE. Its
 *     descriptors are closed on exec.
 * 11. fork(). A child cannot use the clients of its parent: calls return AWS_IOT_MQTT_ERR_FORKED. aws_iot_mqtt_client_free()
 *     and new clients work in the child.
 * 12. The end. The library stays in memory after dlclose(). A process may exit with live clients; what is queued or
 *     unacknowledged then is lost.
 *
 * All times are monotonic: they count through suspend and do not care when the clock of the machine is set.
 */

/* Made from src/ffi by `make header`. Do not edit. */

#ifndef AWS_IOT_MQTT_H
#define AWS_IOT_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The version of this header. aws_iot_mqtt_version() is the one of the library. */
#define AWS_IOT_MQTT_VERSION "0.1.0"
/** The first number of the version. */
#define AWS_IOT_MQTT_VERSION_MAJOR 0
/** The second. */
#define AWS_IOT_MQTT_VERSION_MINOR 1
/** The third. */
#define AWS_IOT_MQTT_VERSION_PATCH 0
/** For comparing: major * 1000000 + minor * 1000 + patch. */
#define AWS_IOT_MQTT_VERSION_NUMBER 1000

/** At most once: sent, not acknowledged. */
#define AWS_IOT_MQTT_QOS_0 0

/** At least once: acknowledged, and sent again until it is. AWS IoT has no QoS 2. */
#define AWS_IOT_MQTT_QOS_1 1

/** No QoS was granted, or none is known yet. 0x80, SUBACK's code for a failure. */
#define AWS_IOT_MQTT_QOS_NONE 128

/** MQTT 3.1, for old local brokers. */
#define AWS_IOT_MQTT_PROTOCOL_3_1 3

/** MQTT 3.1.1, which AWS IoT speaks. */
#define AWS_IOT_MQTT_PROTOCOL_3_1_1 4

/** TLS 1.2. */
#define AWS_IOT_MQTT_TLS_1_2 12

/** TLS 1.3. */
#define AWS_IOT_MQTT_TLS_1_3 13

/** An ECDSA signature as a DER sequence of two numbers (RFC 3279), as OpenSSL gives it. */
#define AWS_IOT_MQTT_SIGNATURE_DER 0

/**
 * An ECDSA signature as r and s one after the other, each in the size of the curve, as PKCS#11 tokens and TPMs give it.
 */
#define AWS_IOT_MQTT_SIGNATURE_RAW 1

/** RSASSA-PKCS1-v1_5 with SHA-256. The numbers of the schemes are those of TLS (SignatureScheme, RFC 8446). */
#define AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256 1025

/** RSASSA-PKCS1-v1_5 with SHA-384. */
#define AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384 1281

/** RSASSA-PKCS1-v1_5 with SHA-512. */
#define AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA512 1537

/** RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes. */
#define AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256 2052

/** RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes. */
#define AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384 2053

/** RSASSA-PSS with SHA-512, MGF1 with SHA-512 and a salt of 64 bytes. */
#define AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512 2054

/** ECDSA on P-256 with SHA-256. */
#define AWS_IOT_MQTT_SCHEME_ECDSA_P256_SHA256 1027

/** ECDSA on P-384 with SHA-384. */
#define AWS_IOT_MQTT_SCHEME_ECDSA_P384_SHA384 1283

/** ECDSA on P-521 with SHA-512. Only with the aws-lc-rs build. */
#define AWS_IOT_MQTT_SCHEME_ECDSA_P521_SHA512 1539

/** A full queue drops its oldest publish and takes the new one. */
#define AWS_IOT_MQTT_DROP_OLDEST 0

/** A full queue does not take the new publish. */
#define AWS_IOT_MQTT_DROP_NEWEST 1

/** A queue without a limit by count; the memory limit holds. */
#define AWS_IOT_MQTT_QUEUE_UNLIMITED -1

/** The queue is drained as fast as the in-flight window allows. */
#define AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE 0.0

/**
 * The keep alive of the Python SDK v1: for devices that publish often. aws_iot_mqtt_client_connect() says who needs a shorter one.
 */
#define AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS 600

/** No connection is wanted. */
#define AWS_IOT_MQTT_STATE_IDLE 0

/** The first attempt of a connect is under way. */
#define AWS_IOT_MQTT_STATE_CONNECTING 1

/** Operations go straight to the broker. */
#define AWS_IOT_MQTT_STATE_CONNECTED 2

/** Connected, and what was queued is being sent. New operations queue behind it. */
#define AWS_IOT_MQTT_STATE_DRAINING 3

/** The connection was lost. The client waits for the next attempt, or is in it. */
#define AWS_IOT_MQTT_STATE_RECONNECTING 4

/** A disconnect is under way. */
#define AWS_IOT_MQTT_STATE_DISCONNECTING 5

/** aws_iot_mqtt_client_connect_async(). */
#define AWS_IOT_MQTT_OPERATION_CONNECT 0

/** aws_iot_mqtt_client_disconnect_async(). */
#define AWS_IOT_MQTT_OPERATION_DISCONNECT 1

/** A publish, synchronous or not. */
#define AWS_IOT_MQTT_OPERATION_PUBLISH 2

/** A subscribe, synchronous or not, or a subscription that was refused on resubscribing. */
#define AWS_IOT_MQTT_OPERATION_SUBSCRIBE 3

/** An unsubscribe, synchronous or not. */
#define AWS_IOT_MQTT_OPERATION_UNSUBSCRIBE 4

/** Log: what failed. Each level includes the ones before it. */
#define AWS_IOT_MQTT_LOG_ERROR 1

/** Log: what may fail, or is not safe. */
#define AWS_IOT_MQTT_LOG_WARNING 2

/** Log: connections made and lost. */
#define AWS_IOT_MQTT_LOG_INFO 3

/** Log: packets. */
#define AWS_IOT_MQTT_LOG_DEBUG 4

/**
 * The outcome of a call. The numbers are stable, and new ones may be added. The hundreds name the area: 1xx the call, 2xx the
 * network, 3xx TLS, 4xx WebSocket and credentials, 5xx MQTT (501 to 505 are the return codes of CONNACK), 6xx operations.
 */
typedef enum {
    /** Done. */
    AWS_IOT_MQTT_OK = 0,
    /** Accepted and kept: there is no connection, or the queue is draining. It will be sent. */
    AWS_IOT_MQTT_QUEUED = 1,
    /** An argument is NULL or out of range; the detail names it. */
    AWS_IOT_MQTT_ERR_INVALID_ARGUMENT = 100,
    /** A string is not UTF-8 [MQTT-1.5.3-1]; the detail names the argument. */
    AWS_IOT_MQTT_ERR_INVALID_UTF8 = 101,
    /** A topic name or filter breaks a rule of MQTT 3.1.1 section 4.7; the detail says which. */
    AWS_IOT_MQTT_ERR_INVALID_TOPIC = 102,
    /** The call does not fit the client's state, such as a configure call while a connection is wanted. */
    AWS_IOT_MQTT_ERR_INVALID_STATE = 103,
    /** Something must be configured first; the detail names the function. */
    AWS_IOT_MQTT_ERR_NOT_CONFIGURED = 104,
    /** This library cannot do that. */
    AWS_IOT_MQTT_ERR_NOT_SUPPORTED = 105,
    /** Memory could not be allocated. */
    AWS_IOT_MQTT_ERR_NO_MEMORY = 106,
    /** The call would wait for the callback that makes it. */
    AWS_IOT_MQTT_ERR_WOULD_DEADLOCK = 107,
    /** The client was made before fork(); make a new one in the child. */
    AWS_IOT_MQTT_ERR_FORKED = 108,
    /** What the call names belongs to a connection that is gone. */
    AWS_IOT_MQTT_ERR_STALE = 109,
    /** No operation with that id is pending, or it cannot be given up. */
    AWS_IOT_MQTT_ERR_NOT_FOUND = 110,
    /** A bug in this library. The client may be unusable; free it. */
    AWS_IOT_MQTT_ERR_INTERNAL = 199,
    /** The operating system refused an operation; the detail has its words. */
    AWS_IOT_MQTT_ERR_IO = 200,
    /** The host name could not be resolved. */
    AWS_IOT_MQTT_ERR_DNS = 201,
    /** Nobody listens at that host and port, or a firewall refuses. */
    AWS_IOT_MQTT_ERR_CONNECTION_REFUSED = 202,
    /** The connection ended without DISCONNECT. */
    AWS_IOT_MQTT_ERR_CONNECTION_LOST = 203,
    /** The proxy refused. */
    AWS_IOT_MQTT_ERR_PROXY = 204,
    /** The application's socket factory gave no usable socket. */
    AWS_IOT_MQTT_ERR_SOCKET_FACTORY = 205,
    /** The peer was silent for the ping time-out. */
    AWS_IOT_MQTT_ERR_PING_TIMEOUT = 206,
    /** The TLS handshake failed; the detail has the reason. */
    AWS_IOT_MQTT_ERR_TLS = 300,
    /** The CA certificates could not be read or used. */
    AWS_IOT_MQTT_ERR_CA_FILE = 301,
    /** The device certificate could not be read or used. */
    AWS_IOT_MQTT_ERR_CERTIFICATE = 302,
    /** The private key could not be read or used, or does not belong to the certificate. */
    AWS_IOT_MQTT_ERR_PRIVATE_KEY = 303,
    /** The server's certificate does not end in a trusted CA. */
    AWS_IOT_MQTT_ERR_PEER_UNTRUSTED = 304,
    /** The cipher list names no suite that the library has, or the server accepts none of them. */
    AWS_IOT_MQTT_ERR_CIPHERS = 305,
    /** The server's certificate is for another host name. */
    AWS_IOT_MQTT_ERR_PEER_NAME = 306,
    /** The server's certificate has expired or is not valid yet. Check the clock of the device. */
    AWS_IOT_MQTT_ERR_PEER_EXPIRED = 307,
    /** The server refused the device's certificate. It must be registered and active in AWS IoT. */
    AWS_IOT_MQTT_ERR_REFUSED_BY_PEER = 308,
    /** The WebSocket handshake failed. */
    AWS_IOT_MQTT_ERR_WEBSOCKET = 400,
    /** No IAM credentials could be had. */
    AWS_IOT_MQTT_ERR_CREDENTIALS = 401,
    /** The service refused the signature or the credentials (HTTP 403). */
    AWS_IOT_MQTT_ERR_FORBIDDEN = 402,
    /** The peer broke a rule of MQTT; the detail quotes it. The connection was closed. */
    AWS_IOT_MQTT_ERR_PROTOCOL = 500,
    /** CONNACK 1: the broker does not speak this MQTT version. */
    AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION = 501,
    /** CONNACK 2: the broker does not allow this client id. */
    AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED = 502,
    /** CONNACK 3: the MQTT service is not available. */
    AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE = 503,
    /** CONNACK 4: the user name or password is malformed or wrong. */
    AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD = 504,
    /** CONNACK 5: not authorized. In AWS IoT the policy must allow iot:Connect for this client id. */
    AWS_IOT_MQTT_ERR_NOT_AUTHORIZED = 505,
    /** CONNACK with another return code; the detail has it. */
    AWS_IOT_MQTT_ERR_CONNECT_REFUSED = 506,
    /** SUBACK 0x80: the broker refused the subscription. */
    AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED = 510,
    /** The packet is larger than the limit of aws_iot_mqtt_client_configure_max_packet_size(). */
    AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE = 511,
    /**
     * The peer closed several connections in a row on this operation. AWS IoT does so where the policy forbids the topic.
     */
    AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE = 512,
    /** No outcome in time. Of a packet that was sent, the broker may have it. */
    AWS_IOT_MQTT_ERR_TIMEOUT = 600,
    /**
     * There is no connection and the operation needs one. Nothing returns it yet: operations without a connection are queued.
     */
    AWS_IOT_MQTT_ERR_OFFLINE = 601,
    /** The queue, or the memory limit, is full. Not accepted. */
    AWS_IOT_MQTT_ERR_QUEUE_FULL = 602,
    /** Queueing is off, and there is no connection, or what was queued before is still being sent. Not accepted. */
    AWS_IOT_MQTT_ERR_QUEUE_DISABLED = 603,
    /** Cancelled, or ended by disconnect or free. Of a packet that was sent, the broker may have it. */
    AWS_IOT_MQTT_ERR_CANCELLED = 604,
    /** Evicted from the full queue by a newer one (AWS_IOT_MQTT_DROP_OLDEST). It was never sent. */
    AWS_IOT_MQTT_ERR_DROPPED = 605,
} aws_iot_mqtt_error;

/**
 * One MQTT client. It may be used by several threads at once (rule 6), from aws_iot_mqtt_client_new() until
 * aws_iot_mqtt_client_free().
 */
typedef struct aws_iot_mqtt_client aws_iot_mqtt_client;

/**
 * Where a credentials provider puts what it gives: see aws_iot_mqtt_credentials_set(). Lent to that callback (rule 8).
 */
typedef struct aws_iot_mqtt_credentials_sink aws_iot_mqtt_credentials_sink;

/** A loop of the application, with the clients that live in it: see aws_iot_mqtt_loop_new(). */
typedef struct aws_iot_mqtt_loop aws_iot_mqtt_loop;

/**
 * Makes a connected stream socket, for instance through a proxy, a modem or a certain interface. It runs on a thread of its
 * own, outside the order of the other callbacks, at most once at a time for one client; aws_iot_mqtt_client_free() waits until it
 * has returned, but inside it returns at once. A blocking call on the same client inside it returns
 * AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
 *
 * @param host          The configured host, or that of the configured proxy or of the AWS IoT credentials provider; lent.
 * @param port          Its port.
 * @param remaining_ms  Milliseconds that are left for the whole attempt. Return before they have passed.
 * @param userdata      What was registered.
 * @return A connected descriptor, or -1. The library owns it from then on: it makes it non-blocking, puts TLS on top of it
 *         (unless configured otherwise) and closes it, also if it comes too late. -1, and a descriptor that is not open, fail
 *         the attempt with AWS_IOT_MQTT_ERR_SOCKET_FACTORY.
 */
typedef int (*aws_iot_mqtt_socket_factory_fn)(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata);

/**
 * Gives a userdata back to the application: exactly once, after its last use. It runs on a thread of the library or inside
 * the call that ended the use, with no lock held, and may run at the same time as another callback of the client. It may call the
 * library as other callbacks may (rule 7), but not a client whose aws_iot_mqtt_client_free() has begun (rule 6). That of a socket factory
 * or credentials provider may run on the thread of its callback, and what holds for calls there holds then.
 *
 * @param userdata  What was registered. It may be NULL.
 */
typedef void (*aws_iot_mqtt_userdata_free_fn)(void *userdata);

/**
 * Gives IAM credentials for one attempt to connect, by aws_iot_mqtt_credentials_set(). It runs on a thread of its own, outside the
 * order of the other callbacks, at most once at a time for one client; aws_iot_mqtt_client_free() waits until it has returned,
 * but inside it returns at once. A blocking call on the same client inside it returns AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
 *
 * @param sink          Takes the credentials; lent.
 * @param remaining_ms  Milliseconds that are left for the whole attempt. Return before they have passed.
 * @param userdata      What was registered.
 * @return 0 if credentials were set. Anything else fails the attempt with AWS_IOT_MQTT_ERR_CREDENTIALS, whose detail names the
 *         number.
 */
typedef int (*aws_iot_mqtt_credentials_provider_fn)(aws_iot_mqtt_credentials_sink *sink,
                                                    uint64_t remaining_ms,
                                                    void *userdata);

/** What a private key is to sign. Made by the library, lent to a callback (rule 8). */
typedef struct {
    /** How: AWS_IOT_MQTT_SCHEME_... */
    int scheme;
    /**
     * The digest of the message by the hash of the scheme: for keys that sign digests (CKM_ECDSA, CKM_RSA_PKCS_PSS,
     * TPM2_Sign). For RSASSA-PKCS1-v1_5 the key, or the callback, puts the DigestInfo of RFC 8017 in front of it.
     */
    const uint8_t *digest;
    /** Its length in bytes. */
    size_t digest_len;
    /** The message itself: for keys that do the hashing, too (CKM_SHA256_RSA_PKCS, EVP_DigestSign). */
    const uint8_t *message;
    /** Its length in bytes. */
    size_t message_len;
} aws_iot_mqtt_signing_request;

/**
 * Signs with a private key that only the application can use. It runs on a thread of its own, outside the order of the other
 * callbacks, at most once at a time for one client, and may block; the attempt to connect waits for it within its deadline,
 * and aws_iot_mqtt_client_free() until it has returned, but inside it returns at once. A blocking call on the same client inside it
 * returns AWS_IOT_MQTT_ERR_WOULD_DEADLOCK. What it signed is verified against the certificate before it is sent.
 *
 * @param request        What to sign, and how; lent (rule 8).
 * @param signature      Receives the signature: for ECDSA in the configured form, for RSA as many bytes as its modulus has.
 * @param signature_len  Holds the room at signature, 1024 bytes; receives the length of what was written.
 * @param userdata       What was registered.
 * @return 0, or a number of your own, which comes back in the detail of AWS_IOT_MQTT_ERR_PRIVATE_KEY.
 */
typedef int (*aws_iot_mqtt_sign_fn)(const aws_iot_mqtt_signing_request *request,
                                    uint8_t *signature,
                                    size_t *signature_len,
                                    void *userdata);

/** The one outcome of an asynchronous operation. Made by the library, lent to a callback (rule 8). */
typedef struct {
    /** The operation, as the call gave it. */
    uint64_t operation;
    /** AWS_IOT_MQTT_OK, or why it failed. */
    aws_iot_mqtt_error error;
    /** What a person should know about the failure. Never NULL; empty on success. */
    const char *detail;
    /** The packet identifier that the operation had last; 0 if it had none. */
    uint16_t packet_id;
    /** For a subscribe that was granted: 0 or 1. AWS_IOT_MQTT_QOS_NONE otherwise. */
    uint8_t granted_qos;
    /** For a connect that succeeded: whether the broker had kept the session. */
    bool session_present;
    /** For a disconnect: how many operations are kept for the next connection. */
    size_t left;
} aws_iot_mqtt_completion;

/**
 * Tells the outcome of one asynchronous operation: exactly once, and after the call has filled its operation id.
 *
 * @param completion  Lent (rule 8).
 * @param userdata    What was registered.
 */
typedef void (*aws_iot_mqtt_completion_fn)(const aws_iot_mqtt_completion *completion, void *userdata);

/** A message that came in. Made by the library, lent to a callback (rule 8). */
typedef struct {
    /** The topic name: UTF-8, and a NUL behind it. */
    const char *topic;
    /** Its length in bytes, without the NUL. */
    size_t topic_len;
    /** The payload: any bytes, nothing behind them. Never NULL. */
    const uint8_t *payload;
    /** Its length in bytes; 0 is legal. */
    size_t payload_len;
    /** 0 or 1: the smaller one of what was published and what was granted. */
    uint8_t qos;
    /** True for a retained message that the broker had kept, and sends because of a new subscription [MQTT-3.3.1-8]. */
    bool retain;
    /**
     * True if the broker says that it sent this message before. Do not depend on it: AWS IoT may send a message again
     * without it, and with another packet id.
     */
    bool dup;
    /** The packet identifier; 0 for QoS 0. */
    uint16_t packet_id;
    /** What aws_iot_mqtt_client_acknowledge() takes; 0 for QoS 0. It may be kept after the callback. */
    uint64_t acknowledgement;
} aws_iot_mqtt_message;

/**
 * Delivers a message.
 *
 * @param message   Lent (rule 8).
 * @param userdata  What was registered.
 */
typedef void (*aws_iot_mqtt_message_fn)(const aws_iot_mqtt_message *message, void *userdata);

/**
 * Tells that a connection was accepted by the broker.
 *
 * @param session_present  Whether the broker had kept the session [MQTT-3.2.2-2]. Always false over MQTT 3.1.
 * @param userdata         What was registered.
 */
typedef void (*aws_iot_mqtt_online_fn)(bool session_present, void *userdata);

/**
 * Tells that the connection has ended.
 *
 * @param error     Why: AWS_IOT_MQTT_ERR_CANCELLED after a disconnect of the application or when the client is freed,
 *                  AWS_IOT_MQTT_ERR_CONNECTION_LOST also after aws_iot_mqtt_client_reconnect(), otherwise a number of the network
 *                  (2xx) or of TLS (3xx), AWS_IOT_MQTT_ERR_WEBSOCKET, AWS_IOT_MQTT_ERR_PROTOCOL or
 *                  AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE.
 * @param detail    The same for a person; lent, never NULL.
 * @param userdata  What was registered.
 */
typedef void (*aws_iot_mqtt_offline_fn)(aws_iot_mqtt_error error, const char *detail, void *userdata);

/**
 * Tells that an attempt to connect has failed.
 *
 * @param error            Why.
 * @param detail           The same for a person; lent, never NULL.
 * @param next_attempt_ms  Milliseconds until the next attempt; -1 if there will be none, because this was the first connect and
 *                         aws_iot_mqtt_client_configure_retry_first_connect() is off.
 * @param userdata         What was registered.
 */
typedef void (*aws_iot_mqtt_connect_failed_fn)(aws_iot_mqtt_error error,
                                               const char *detail,
                                               int64_t next_attempt_ms,
                                               void *userdata);

/**
 * Tells how an operation ended that nobody waits for.
 *
 * @param operation  The operation, as the asynchronous call gave it. A synchronous call gives no id, so there it says nothing, and the
 *                   topic must do. 0 for a subscription that was refused on resubscribing.
 * @param kind       AWS_IOT_MQTT_OPERATION_...
 * @param topic      Its topic name or filter; lent, never NULL.
 * @param error      AWS_IOT_MQTT_OK, or why it failed.
 * @param detail     The same for a person; lent, never NULL, empty on success.
 * @param userdata   What was registered.
 */
typedef void (*aws_iot_mqtt_outcome_fn)(uint64_t operation,
                                        int kind,
                                        const char *topic,
                                        aws_iot_mqtt_error error,
                                        const char *detail,
                                        void *userdata);

/**
 * Takes a line of the log. It runs on any thread, the application's own inside a call included, on several threads at a
 * time, and with locks of the library held: it must be quick and must not call the library.
 *
 * @param level     AWS_IOT_MQTT_LOG_...
 * @param line      UTF-8 without a line end; lent, never NULL. It holds no secret.
 * @param userdata  What was registered.
 */
typedef void (*aws_iot_mqtt_log_fn)(int level, const char *line, void *userdata);

/** What a client did since it was made. See aws_iot_mqtt_client_stats(). */
typedef struct {
    /** Operations in the queue now. */
    uint64_t queued;
    /** Operations now sent and not acknowledged, or waiting for their place in the in-flight window. */
    uint64_t in_flight;
    /** Bytes of accepted and unfinished operations now. This is what the memory limit bounds. */
    uint64_t accepted_bytes;
    /** Bytes of MQTT packets sent. */
    uint64_t bytes_sent;
    /** Bytes of MQTT packets received. */
    uint64_t bytes_received;
    /** PUBLISH packets given to a connection, each counted once: repetitions are not. */
    uint64_t messages_sent;
    /** PUBLISH packets received. */
    uint64_t messages_received;
    /** Connections made after the first one. */
    uint64_t reconnects;
    /** Operations refused with AWS_IOT_MQTT_ERR_QUEUE_FULL. */
    uint64_t dropped_queue_full;
    /** Queued publishes that ended with AWS_IOT_MQTT_ERR_DROPPED. */
    uint64_t dropped_evicted;
    /** Operations that ended with AWS_IOT_MQTT_ERR_TIMEOUT. */
    uint64_t timed_out;
    /** Operations that ended with AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE. */
    uint64_t refused_by_close;
    /** Time from sending to acknowledgement of the last acknowledged publish, in microseconds. */
    uint64_t last_acknowledgement_latency_us;
    /** The longest such time, in microseconds. */
    uint64_t max_acknowledgement_latency_us;
    /** The aws_iot_mqtt_error that ended the last connection or attempt; 0 if there was none. */
    uint64_t last_failure;
} aws_iot_mqtt_stats;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ======== Version ======== */

/**
 * The version of the library that is loaded, such as "1.2.3". AWS_IOT_MQTT_VERSION is the one of the header that the
 * program was compiled with.
 *
 * @return A static string, never NULL.
 */
const char *aws_iot_mqtt_version(void);

/* ======== Errors ======== */

/**
 * The name of an error, such as "AWS_IOT_MQTT_ERR_QUEUE_FULL", for logs.
 *
 * @param error  Any number; "unknown" for one that this library does not know.
 * @return A static string, never NULL.
 */
const char *aws_iot_mqtt_error_name(int error);

/**
 * One English sentence about an error. The particular case is told by aws_iot_mqtt_last_error_detail().
 *
 * @param error  Any number.
 * @return A static string, never NULL.
 */
const char *aws_iot_mqtt_error_message(int error);

/**
 * What the last failing call on this thread should tell a person, such as "certificate /a/b.pem: No such file or
 * directory". It holds no secret. Failures of asynchronous operations bring their detail into the callback instead.
 *
 * @return A string of the library, never NULL, empty if no call failed yet. It is valid until the next failing call of
 *         this library on the same thread, or the end of the thread.
 */
const char *aws_iot_mqtt_last_error_detail(void);

/* ======== Life cycle ======== */

/**
 * Makes a client. It does nothing by itself: configure an endpoint and credentials, then connect.
 *
 * @param client_id      MQTT client id, UTF-8, at most 65535 bytes [MQTT-3.1.3-4]; AWS IoT takes 128. Two connections with
 *                       the same id throw each other off. "" gives the client an id of its own, "aws-iot-mqtt-" and 22 random
 *                       characters, which is another one for every client; that suits clean sessions only.
 * @param protocol       AWS_IOT_MQTT_PROTOCOL_3_1_1, or AWS_IOT_MQTT_PROTOCOL_3_1 for old local brokers.
 * @param use_websocket  True for MQTT over WebSocket, at the path /mqtt, on port 443 in AWS IoT; then
 *                       aws_iot_mqtt_client_configure_credentials() is only needed for a server whose CA is not one of the
 *                       system's. False for MQTT over TLS.
 * @param clean_session  True: the broker forgets subscriptions and messages when the connection ends. False: it keeps them
 *                       until the same client id connects again [MQTT-3.1.2-4]; AWS IoT keeps them for one hour unless
 *                       the account says otherwise.
 * @param out            Receives the client, which the caller owns and ends with aws_iot_mqtt_client_free().
 * @return AWS_IOT_MQTT_OK, an error of rule 3, or AWS_IOT_MQTT_ERR_IO if the system gives the library no thread or no descriptor.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_new(const char *client_id,
                                           int protocol,
                                           bool use_websocket,
                                           bool clean_session,
                                           aws_iot_mqtt_client **out);

/**
 * Ends a client: it closes the connection at once without sending what is queued, ends every pending operation with
 * AWS_IOT_MQTT_ERR_CANCELLED and frees every userdata. Disconnect first to part from the broker in an orderly way;
 * a connection that ends here makes the broker publish the last will. Messages that have not reached their callback are given
 * up; those of QoS 1 are not acknowledged, so a broker that keeps the session sends them again.
 *
 * Outside callbacks it returns when all callbacks of this client, and every userdata_free, have run. Inside a callback, of
 * whatever client, it returns at once, and the rest happens after that callback. No other call on this client may begin any more;
 * synchronous calls that wait inside the library return AWS_IOT_MQTT_ERR_CANCELLED.
 *
 * The library's threads end with the last client. An application that makes the next one within a second finds them again from
 * then on, as they stay half a second without a client, and with them, in memory, the certificate and key of the last one (a key
 * that only the application can use is given back at once). The end of the process ends them, too.
 *
 * @param client  The client, or NULL, which does nothing.
 */
void aws_iot_mqtt_client_free(aws_iot_mqtt_client *client);

/* ======== Configure: where to connect, and as whom ======== */

/**
 * Sets the broker to connect to.
 *
 * @param client  The client.
 * @param host    Host name or address, without scheme, port or path; at most 253 bytes. In AWS IoT the device data endpoint:
 *                `aws iot describe-endpoint --endpoint-type iot:Data-ATS` prints it.
 * @param port    1 to 65535. In AWS IoT 8883, or 443, where ALPN tells the service that MQTT is meant.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted, that is, from connect to disconnect.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_endpoint(aws_iot_mqtt_client *client,
                                                          const char *host,
                                                          uint16_t port);

/**
 * Switches TLS off for a broker in the local network, or on again. Without TLS everybody on the way can read and change what is
 * sent, passwords included; the log warns at each connect.
 *
 * An AWS endpoint is one whose name ends in .amazonaws.com, .amazonaws.com.cn, .amazonaws.eu, .api.aws,
 * .api.amazonwebservices.com.cn or .api.amazonwebservices.eu. A custom domain and a bare address cannot be told from a local broker:
 * do not switch TLS off for them.
 *
 * @param client   The client.
 * @param enabled  True (default): TLS. False: plain TCP; connecting to an AWS endpoint then returns
 *                 AWS_IOT_MQTT_ERR_NOT_SUPPORTED.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_tls(aws_iot_mqtt_client *client,
                                                     bool enabled);

/**
 * Sets the oldest TLS version that the client speaks. There is nothing older than TLS 1.2.
 *
 * @param client   The client.
 * @param version  AWS_IOT_MQTT_TLS_1_2 (default) or AWS_IOT_MQTT_TLS_1_3.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_minimum_tls_version(aws_iot_mqtt_client *client, int version);

/**
 * Lets the application make the sockets, for instance through a proxy or a certain network interface.
 *
 * @param client         The client.
 * @param callback       Makes one connected socket for each attempt. NULL: the library connects by itself (default).
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_socket_factory(aws_iot_mqtt_client *client,
                                                                aws_iot_mqtt_socket_factory_fn callback,
                                                                void *userdata,
                                                                aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Sets the user name and password of CONNECT. Accepted at any time and used from the next attempt to connect on.
 *
 * @param client        The client.
 * @param username      At most 65535 bytes [MQTT-3.1.3-11]. NULL clears both; then the password must be NULL too, because
 *                      a password needs a user name [MQTT-3.1.2-22].
 * @param password      password_len bytes of any value; copied, and the copy is wiped when it is no longer needed. NULL with
 *                      length 0: no password.
 * @param password_len  At most 65535.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_username_password(aws_iot_mqtt_client *client,
                                                                   const char *username,
                                                                   const void *password,
                                                                   size_t password_len);

/**
 * Sets the message that the broker publishes when the connection ends without DISCONNECT [MQTT-3.1.2-8]. Accepted at any time
 * and used from the next CONNECT on.
 *
 * @param client       The client.
 * @param topic        Topic name, without wildcards, at most 65535 bytes.
 * @param payload      payload_len bytes. NULL with length 0: an empty message, which is legal.
 * @param payload_len  At most 65535.
 * @param qos          AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
 * @param retain       Whether the broker keeps the message for later subscribers.
 * @return AWS_IOT_MQTT_ERR_INVALID_TOPIC if the topic name is not valid [MQTT-4.7.1-1].
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_last_will(aws_iot_mqtt_client *client,
                                                           const char *topic,
                                                           const void *payload,
                                                           size_t payload_len,
                                                           int qos,
                                                           bool retain);

/**
 * Removes the last will; the next CONNECT has none. Accepted at any time.
 *
 * @param client  The client.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_clear_last_will(aws_iot_mqtt_client *client);

/**
 * Lets the user name of CONNECT tell AWS IoT which SDK connects, by "?SDK=...&Version=..." behind it. This is the default.
 *
 * @param client  The client.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_enable_metrics_collection(aws_iot_mqtt_client *client);

/**
 * Sends the user name as it was configured, and none if none was. Some local brokers need that.
 *
 * @param client  The client.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_disable_metrics_collection(aws_iot_mqtt_client *client);

/* ======== Configure: certificates and keys ======== */

/**
 * Names the files of X.509 credentials for TLS. They are read and checked at once, so a wrong path shows here and not at the
 * next connection. Accepted at any time and used from the next attempt to connect on: certificates can be rotated without a
 * new client.
 *
 * @param client            The client.
 * @param ca_path           PEM file of the CA certificates, the only ones that a server's chain may end in. NULL: those of
 *                          the system, and only those.
 * @param key_path          PEM file of the device's private key: PKCS#8, PKCS#1 or SEC1; RSA, EC P-256 or P-384, and P-521
 *                          with the aws-lc-rs build. If it is encrypted, call
 *                          aws_iot_mqtt_client_configure_private_key_passphrase() before. NULL together with
 *                          certificate_path: no certificate is sent.
 * @param certificate_path  PEM file of the device's certificate, followed by those that link it to its CA.
 * @param ciphers           Cipher suites by their OpenSSL or IANA names, separated by colons or commas; NULL: the three
 *                          suites of TLS 1.3, and of TLS 1.2 those with ECDHE and AES-GCM. They hold on every transport.
 * @return AWS_IOT_MQTT_ERR_CA_FILE, AWS_IOT_MQTT_ERR_CERTIFICATE or AWS_IOT_MQTT_ERR_PRIVATE_KEY if that file cannot be read
 *         or used, or the key does not belong to the certificate; AWS_IOT_MQTT_ERR_CIPHERS if no suite is known.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_credentials(aws_iot_mqtt_client *client,
                                                             const char *ca_path,
                                                             const char *key_path,
                                                             const char *certificate_path,
                                                             const char *ciphers);

/**
 * The same from memory, for devices that keep their key elsewhere than in a file. The texts are copied; the copy of the key
 * is wiped when it is no longer needed.
 *
 * @param client               The client.
 * @param ca_pem               CA certificates in PEM, ca_pem_len bytes. NULL with length 0: those of the system.
 * @param ca_pem_len           Length in bytes; a NUL at the end need not be counted.
 * @param key_pem              The device's private key in PEM. NULL with length 0, together with certificate_pem: none.
 * @param key_pem_len          Length in bytes.
 * @param certificate_pem      The device's certificate in PEM, followed by those that link it to its CA.
 * @param certificate_pem_len  Length in bytes.
 * @param ciphers              As for aws_iot_mqtt_client_configure_credentials().
 * @return As for aws_iot_mqtt_client_configure_credentials().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_credentials_pem(aws_iot_mqtt_client *client,
                                                                 const void *ca_pem,
                                                                 size_t ca_pem_len,
                                                                 const void *key_pem,
                                                                 size_t key_pem_len,
                                                                 const void *certificate_pem,
                                                                 size_t certificate_pem_len,
                                                                 const char *ciphers);

/* ======== Configure: custom authorizers ======== */

/**
 * Authenticates by a custom authorizer of AWS IoT instead of a device certificate. The user name of CONNECT becomes
 * `USERNAME?x-amz-customauthorizer-name=NAME&x-amz-customauthorizer-signature=SIGNATURE&TOKENKEY=TOKEN`, each part
 * only if it is given, and percent-encoded here; user name and password are those of
 * aws_iot_mqtt_client_configure_username_password(). It is the same over WebSocket. Without WebSocket on port 443 the protocol
 * name "mqtt" is offered by ALPN, as AWS IoT asks for. aws_iot_mqtt_client_configure_credentials() is only needed for a server
 * whose CA is not one of the system's; give it no certificate and key unless the domain asks for both.
 *
 * Accepted at any time and used from the next attempt to connect on, so that tokens can be renewed. A later call replaces all
 * four.
 *
 * @param client           The client.
 * @param authorizer_name  Name of the authorizer. NULL: the default one of the account or domain.
 * @param token_key_name   Name under which the authorizer expects its token. NULL together with token.
 * @param token            The token as it is, not percent-encoded; the copy is wiped when it is no longer needed. NULL: none.
 * @param signature        Signature of the token in Base64; it may be percent-encoded already. NULL: the authorizer has signing
 *                         disabled.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_custom_authorizer(aws_iot_mqtt_client *client,
                                                                   const char *authorizer_name,
                                                                   const char *token_key_name,
                                                                   const char *token,
                                                                   const char *signature);

/* ======== Configure: proxies and ALPN ======== */

/**
 * Connects through a proxy. It gets the name of the endpoint and resolves it; TLS goes through it to the endpoint, whose
 * certificate is verified as always. A socket factory is asked for a connection to the proxy.
 *
 * @param client  The client.
 * @param url     "http://user:password@host:port" for a proxy that knows the CONNECT method of HTTP, with Basic authentication;
 *                "socks5h://user:password@host:port" for one of SOCKS version 5; "socks5://" means the same. User name and
 *                password may be missing; bytes that are special in a URL are percent-encoded. Without a port it is 80, or
 *                1080 for SOCKS. NULL: no proxy (default); environment variables are not read.
 * @return AWS_IOT_MQTT_ERR_NOT_SUPPORTED for another scheme; AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 *         What goes wrong with the proxy later is AWS_IOT_MQTT_ERR_PROXY, and its detail says why.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_proxy(aws_iot_mqtt_client *client,
                                                       const char *url);

/**
 * Chooses the protocol names that are offered by ALPN in the TLS handshake. Only unusual endpoints need it.
 *
 * @param client     The client.
 * @param protocols  Names, the best first, separated by commas; each of 1 to 255 bytes. NULL: what AWS IoT expects (default),
 *                   that is, without WebSocket on port 443 "x-amzn-mqtt-ca", or "mqtt" with a custom authorizer, and none
 *                   elsewhere. "": none.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_alpn(aws_iot_mqtt_client *client,
                                                      const char *protocols);

/* ======== Configure: IAM credentials and signatures ======== */

/**
 * Sets the IAM credentials that sign the request for MQTT over WebSocket (Signature Version 4). They come before all other
 * sources, which are, in this order: aws_iot_mqtt_client_configure_iam_credentials_provider(),
 * aws_iot_mqtt_client_configure_iot_credentials_provider(), the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
 * AWS_SESSION_TOKEN), and the shared credentials file (~/.aws/credentials or AWS_SHARED_CREDENTIALS_FILE, profile AWS_PROFILE or
 * [default]). Environment and file are read for each attempt to connect; do not change the environment meanwhile.
 *
 * Accepted at any time and used from the next attempt on: temporary credentials can be replaced before they expire. The copies
 * are wiped when they are no longer needed.
 *
 * @param client             The client.
 * @param access_key_id      Access key id. NULL together with the other two: removes configured credentials.
 * @param secret_access_key  Secret access key.
 * @param session_token      Session token of temporary credentials, or NULL.
 * @return AWS_IOT_MQTT_ERR_CREDENTIALS for a key that cannot be right, such as one with a line break at its end.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_iam_credentials(aws_iot_mqtt_client *client,
                                                                 const char *access_key_id,
                                                                 const char *secret_access_key,
                                                                 const char *session_token);

/**
 * Lets the application give IAM credentials for each attempt to connect, from Cognito, an SSO, a secure store or wherever else.
 * Accepted at any time and used from the next attempt on.
 *
 * @param client         The client.
 * @param callback       Gives the credentials. NULL: the other sources are asked (default).
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_iam_credentials_provider(aws_iot_mqtt_client *client,
                                                                          aws_iot_mqtt_credentials_provider_fn callback,
                                                                          void *userdata,
                                                                          aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Gives the credentials that a credentials provider was asked for; to be called inside that callback. The last call counts.
 *
 * @param sink               What the callback got.
 * @param access_key_id      Access key id; copied, as the others are.
 * @param secret_access_key  Secret access key.
 * @param session_token      Session token of temporary credentials, or NULL.
 * @param expires_unix_secs  When they expire, in seconds since 1970 (UTC); 0: not known, or never. Expired ones fail the attempt;
 *                           the next one with expired ones lets the server judge, as it may be the clock that is wrong.
 * @return AWS_IOT_MQTT_ERR_CREDENTIALS for a key that cannot be right, such as one with a line break at its end.
 */
aws_iot_mqtt_error aws_iot_mqtt_credentials_set(aws_iot_mqtt_credentials_sink *sink,
                                                const char *access_key_id,
                                                const char *secret_access_key,
                                                const char *session_token,
                                                uint64_t expires_unix_secs);

/**
 * Lets the AWS IoT credentials provider of the account give temporary IAM credentials for the device's certificate (see
 * aws_iot_mqtt_client_configure_credentials()), so that no IAM key has to be on the device. They are asked for over HTTPS when
 * an attempt to connect needs some, and used again until 5 minutes before they expire (half of their life, if that is shorter). This
 * goes through the configured proxy and the socket factory, too. Accepted at any time and used from the next attempt on.
 *
 * @param client         The client.
 * @param endpoint_host  Its host: `aws iot describe-endpoint --endpoint-type iot:CredentialProvider` prints it. NULL together
 *                       with the other two, and port 0: it is not asked (default).
 * @param port           443 in AWS IoT.
 * @param role_alias     The role alias; capital letters matter.
 * @param thing_name     The thing that the certificate is attached to, where the policy or role names it; NULL: none is told.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_iot_credentials_provider(aws_iot_mqtt_client *client,
                                                                          const char *endpoint_host,
                                                                          uint16_t port,
                                                                          const char *role_alias,
                                                                          const char *thing_name);

/**
 * Sets the AWS region that the request for MQTT over WebSocket is signed for. The name of an AWS IoT endpoint tells it; a custom
 * domain, a VPC endpoint or a local gateway does not.
 *
 * @param client  The client.
 * @param region  For instance "eu-central-1". NULL: as the host name says (default).
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_region(aws_iot_mqtt_client *client,
                                                        const char *region);

/**
 * Sets the service that the request for MQTT over WebSocket is signed for.
 *
 * @param client   The client.
 * @param service  NULL: "iotdevicegateway" (default), which suits AWS IoT. Some older gateways know "iotdata" only.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_signing_service(aws_iot_mqtt_client *client, const char *service);

/* ======== Configure: keys with a passphrase, and keys that never leave their hardware ======== */

/**
 * Sets the passphrase for encrypted private keys (PKCS#8, "BEGIN ENCRYPTED PRIVATE KEY"). Accepted at any time; it holds for the
 * calls of aws_iot_mqtt_client_configure_credentials() and aws_iot_mqtt_client_configure_credentials_pem() that follow. A wrong one
 * shows there, as AWS_IOT_MQTT_ERR_PRIVATE_KEY. A key that is not encrypted does not need one and does not mind.
 *
 * @param client          The client.
 * @param passphrase      passphrase_len bytes of any value; copied, and the copy is wiped when it is no longer needed. NULL with
 *                        length 0: forget it.
 * @param passphrase_len  Length in bytes.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_private_key_passphrase(aws_iot_mqtt_client *client,
                                                                        const void *passphrase,
                                                                        size_t passphrase_len);

/**
 * Connects with a private key that stays where it is: in a TPM, a secure element or a PKCS#11 token. The callback signs with it,
 * once for each TLS handshake that is not resumed. Takes the place of aws_iot_mqtt_client_configure_credentials(), and is
 * like that accepted at any time and used from the next attempt to connect on.
 *
 * The certificate tells which kind of key it is, and so which schemes the callback must know: RSA PKCS1 for TLS 1.2 and PSS for
 * TLS 1.3 (SHA256, if the server has no other wish), or that of the curve for both.
 *
 * @param client            The client.
 * @param ca_path           As for aws_iot_mqtt_client_configure_credentials().
 * @param certificate_path  PEM file of the device's certificate, followed by those that link it to its CA.
 * @param ciphers           As for aws_iot_mqtt_client_configure_credentials().
 * @param signature_form    What the callback gives for ECDSA: AWS_IOT_MQTT_SIGNATURE_DER or AWS_IOT_MQTT_SIGNATURE_RAW. Without
 *                          a meaning for RSA.
 * @param callback          Signs.
 * @param userdata          Handed to the callback (rule 9). Freed when other credentials have replaced these and the last
 *                          connection that was made with them has ended.
 * @param userdata_free     Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_ERR_CA_FILE or AWS_IOT_MQTT_ERR_CERTIFICATE if that file cannot be read or used;
 *         AWS_IOT_MQTT_ERR_CIPHERS if no suite is known. A callback that does not fit the certificate shows when connecting, as
 *         AWS_IOT_MQTT_ERR_PRIVATE_KEY.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_private_key_callback(aws_iot_mqtt_client *client,
                                                                      const char *ca_path,
                                                                      const char *certificate_path,
                                                                      const char *ciphers,
                                                                      int signature_form,
                                                                      aws_iot_mqtt_sign_fn callback,
                                                                      void *userdata,
                                                                      aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * The same with certificates from memory.
 *
 * @param client               The client.
 * @param ca_pem               As for aws_iot_mqtt_client_configure_credentials_pem().
 * @param ca_pem_len           Length in bytes.
 * @param certificate_pem      The device's certificate in PEM, followed by those that link it to its CA.
 * @param certificate_pem_len  Length in bytes.
 * @param ciphers              As for aws_iot_mqtt_client_configure_credentials().
 * @param signature_form       As for aws_iot_mqtt_client_configure_private_key_callback().
 * @param callback             Signs.
 * @param userdata             Handed to the callback (rule 9).
 * @param userdata_free        Gives userdata back; may be NULL.
 * @return As for aws_iot_mqtt_client_configure_private_key_callback().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_private_key_callback_pem(aws_iot_mqtt_client *client,
                                                                          const void *ca_pem,
                                                                          size_t ca_pem_len,
                                                                          const void *certificate_pem,
                                                                          size_t certificate_pem_len,
                                                                          const char *ciphers,
                                                                          int signature_form,
                                                                          aws_iot_mqtt_sign_fn callback,
                                                                          void *userdata,
                                                                          aws_iot_mqtt_userdata_free_fn userdata_free);

/* ======== Configure: how long to wait, and how often to try ======== */

/**
 * Sets how long the client waits between attempts to reconnect. Wait n is drawn at random between d and 2d, where d is base_ms
 * doubled n times and at most half of max_ms (or base_ms, if that is more); it is never below base_ms and never above max_ms, and
 * devices that lost the broker together do not come back in step. The client never gives up.
 *
 * @param client     The client.
 * @param base_ms    Milliseconds before the first attempt, at least 1; default 1000.
 * @param max_ms     The longest wait in milliseconds, at least base_ms; default 32000.
 * @param stable_ms  A connection that held this many milliseconds makes the next wait short again; more than base_ms,
 *                   default 20000.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_auto_reconnect_backoff_time(aws_iot_mqtt_client *client,
                                                                             uint32_t base_ms,
                                                                             uint32_t max_ms,
                                                                             uint32_t stable_ms);

/**
 * Sets the deadline of a whole attempt to connect, from the host name's resolution to CONNACK, and of a disconnect.
 *
 * @param client      The client.
 * @param timeout_ms  Milliseconds, at least 1; default 30000.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_connect_disconnect_timeout(aws_iot_mqtt_client *client,
                                                                            uint32_t timeout_ms);

/**
 * Sets how long a synchronous publish, subscribe or unsubscribe waits for its outcome, reconnections included. After that
 * the operation has ended and is not sent again. Asynchronous operations wait without limit.
 *
 * @param client      The client.
 * @param timeout_ms  Milliseconds, at least 1; default 5000.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_mqtt_operation_timeout(aws_iot_mqtt_client *client,
                                                                        uint32_t timeout_ms);

/**
 * Lets the first connect be tried again and again, as reconnections are, instead of failing with its first failure.
 *
 * @param client   The client.
 * @param enabled  False (default): a connect reports its failure and the client rests. True: attempts go on until
 *                 disconnect; a synchronous connect returns AWS_IOT_MQTT_ERR_TIMEOUT at its deadline and they still go on.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_retry_first_connect(aws_iot_mqtt_client *client,
                                                                     bool enabled);

/**
 * Sets after what time an unacknowledged PUBLISH, SUBSCRIBE or UNSUBSCRIBE is sent again on the live connection, with the same
 * packet id and, for PUBLISH, DUP=1 [MQTT-3.3.1-1]. AWS IoT sends no PUBACK for what it throttles. Each further wait
 * is twice as long. A PINGREQ goes with it, unless one waits for its answer already: so a dead link shows after this interval and
 * the ping time-out, however long the keep alive is.
 *
 * @param client       The client.
 * @param interval_ms  Milliseconds; default 10000. 0: nothing is sent again, only after a reconnection; the PINGREQ is then sent
 *                     whenever the ping time-out has passed without the acknowledgement.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_retransmit_interval(aws_iot_mqtt_client *client,
                                                                     uint32_t interval_ms);

/**
 * Sets how long the broker may be silent after a PINGREQ before the connection counts as lost.
 *
 * @param client      The client.
 * @param timeout_ms  Milliseconds, at least 1; default 10000.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_ping_timeout(aws_iot_mqtt_client *client, uint32_t timeout_ms);

/* ======== Configure: how much is kept and sent at once ======== */

/**
 * Sets how many operations are kept while there is no connection or the queue is draining. What was sent and not acknowledged does
 * not count.
 *
 * @param client         The client.
 * @param queue_size     AWS_IOT_MQTT_QUEUE_UNLIMITED (default): as many as the memory limit allows. 0: none, and calls return
 *                       AWS_IOT_MQTT_ERR_QUEUE_DISABLED without a connection, and while what was queued before is being
 *                       sent. Otherwise the count.
 * @param drop_behavior  What happens when it is full. AWS_IOT_MQTT_DROP_NEWEST (default): the call returns
 *                       AWS_IOT_MQTT_ERR_QUEUE_FULL. AWS_IOT_MQTT_DROP_OLDEST: the new operation is kept, and the
 *                       oldest queued publish ends with AWS_IOT_MQTT_ERR_DROPPED; without one, as the other.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_offline_publish_queueing(aws_iot_mqtt_client *client,
                                                                          int64_t queue_size,
                                                                          int drop_behavior);

/**
 * Sets how fast the queue is sent after a reconnection. AWS IoT takes 100 publishes a second on one connection and discards
 * the rest.
 *
 * @param client  The client.
 * @param hz      Operations a second, above 0; default 50. AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE: as fast as the
 *                in-flight window allows.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_draining_frequency(aws_iot_mqtt_client *client,
                                                                    double hz);

/**
 * Sets how many QoS 1 publishes may be sent and unacknowledged at once. Further ones wait their turn. What was in flight when a connection ended
 * is sent again within the window too, in its order and before further ones.
 *
 * @param client            The client.
 * @param in_flight_window  1 to 65535; default 100, which is what AWS IoT allows.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_in_flight_window(aws_iot_mqtt_client *client,
                                                                  uint32_t in_flight_window);

/**
 * Sets how many bytes accepted and unfinished operations may take, queued and in flight together. Past it calls return
 * AWS_IOT_MQTT_ERR_QUEUE_FULL.
 *
 * @param client        The client.
 * @param memory_limit  Bytes, at least 1; default 64 MiB. A QoS 1 publish on a live connection needs room for its packet
 *                      twice: kept, and on its way.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_memory_limit(aws_iot_mqtt_client *client,
                                                              size_t memory_limit);

/**
 * Sets the size of the largest packet, its header included. A larger publish returns AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE; a
 * broker that sends a larger packet is disconnected, because its packet cannot be skipped; the offline callback tells it with the
 * same number.
 *
 * @param client           The client.
 * @param max_packet_size  Bytes, 128 to 268435460 [MQTT-2.2.3]; default 1 MiB. AWS IoT carries payloads of 128 KB.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_max_packet_size(aws_iot_mqtt_client *client,
                                                                 size_t max_packet_size);

/**
 * Sets how many connections in a row the peer may close on one and the same operation before that operation ends with
 * AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE. AWS IoT closes the connection when the policy forbids a topic; without this, sending it
 * again after each reconnection would go on for ever.
 *
 * @param client  The client.
 * @param limit   The count; default 5. 0: no limit.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE while a connection is wanted.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_configure_refused_by_close_limit(aws_iot_mqtt_client *client,
                                                                        uint32_t limit);

/* ======== Connect and disconnect ======== */

/**
 * Connects, and waits for the broker's answer, at most the connect time-out. From then on the client keeps the connection: when
 * it is lost, the client reconnects until aws_iot_mqtt_client_disconnect(). The online callback may run a little after this has
 * returned; wait for the callback where you need it.
 *
 * A connect that fails is reported and not tried again, unless aws_iot_mqtt_client_configure_retry_first_connect() says so.
 * While the client reconnects, connect tries now instead of after the wait (or joins the attempt that is under way), makes the
 * waits short again, and reports how that attempt ends; the client goes on trying whatever the answer is.
 *
 * A link that dies without a word is noticed after keep_alive_secs and the ping time-out at the latest. Where an operation stays
 * unacknowledged for the retransmit interval, it is noticed after about that and the ping time-out; a synchronous one does not stay
 * so long with the default time-outs: it ends before, with AWS_IOT_MQTT_ERR_TIMEOUT.
 *
 * AWS IoT ends a connection on which it hears nothing for 1.5 times the keep alive. It takes 30 to 1200 seconds: 1 to 29 count as 30;
 * 0, and more than 1200, as 1200; through a VPC endpoint more than 230, such as the default, as 230. Do not give it 0, or more than it
 * takes: a client that has nothing to say would ping never, or when the connection has been ended. Device Advisor advises 230 at most.
 *
 * @param client           The client.
 * @param keep_alive_secs  A PINGREQ is sent when for so many seconds nothing was sent, or nothing came. At most 65535;
 *                         AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS is the default of the Python SDK v1. 0: none for this reason, so that an
 *                         idle client never notices a dead link.
 * @return AWS_IOT_MQTT_OK once CONNACK has accepted the connection.
 *         Not begun: AWS_IOT_MQTT_ERR_NOT_CONFIGURED (no endpoint; no credentials, unless the client uses WebSocket, a custom
 *         authorizer or no TLS; no region for a signature), AWS_IOT_MQTT_ERR_NOT_SUPPORTED (an AWS endpoint without TLS),
 *         AWS_IOT_MQTT_ERR_INVALID_STATE (connected, disconnecting, or another connect waits),
 *         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK (inside the client's socket factory, credentials provider or signing callback).
 *         Failed: AWS_IOT_MQTT_ERR_TIMEOUT, AWS_IOT_MQTT_ERR_CANCELLED (by a disconnect or free), a number of the network
 *         (2xx), of TLS (3xx) or of WebSocket and credentials (4xx), or AWS_IOT_MQTT_ERR_PROTOCOL to
 *         AWS_IOT_MQTT_ERR_CONNECT_REFUSED (50x, CONNACK's return code).
 */
aws_iot_mqtt_error aws_iot_mqtt_client_connect(aws_iot_mqtt_client *client,
                                               uint32_t keep_alive_secs);

/**
 * Starts to connect and returns. The completion tells how it ends, as aws_iot_mqtt_client_connect() would have returned, and
 * runs after the online or connect_failed callback. With aws_iot_mqtt_client_configure_retry_first_connect() it comes when an
 * attempt has succeeded, however long that takes, or by a disconnect, cancel or free.
 *
 * @param client           The client.
 * @param keep_alive_secs  As for aws_iot_mqtt_client_connect().
 * @param callback         Tells the outcome. NULL: nobody is told but the online and connect_failed callbacks.
 * @param userdata         Handed to the callback (rule 9).
 * @param userdata_free    Gives userdata back; may be NULL.
 * @param operation        Receives the operation's id before any callback can have it; may be NULL.
 * @return AWS_IOT_MQTT_OK if it was started. Otherwise AWS_IOT_MQTT_ERR_NOT_CONFIGURED, AWS_IOT_MQTT_ERR_NOT_SUPPORTED or
 *         AWS_IOT_MQTT_ERR_INVALID_STATE, as for aws_iot_mqtt_client_connect().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_connect_async(aws_iot_mqtt_client *client,
                                                     uint32_t keep_alive_secs,
                                                     aws_iot_mqtt_completion_fn callback,
                                                     void *userdata,
                                                     aws_iot_mqtt_userdata_free_fn userdata_free,
                                                     uint64_t *operation);

/**
 * Parts from the broker: waits until what was sent is acknowledged, says DISCONNECT, so that the broker drops the last will
 * [MQTT-3.14.4-3], and closes the connection, at the latest when the connect time-out is up. Meanwhile operations, connect and
 * reconnect return AWS_IOT_MQTT_ERR_INVALID_STATE. What is queued, and what was not acknowledged in time, is kept for the next
 * connect; a synchronous call of another thread that waits for it goes on waiting until its own time is up.
 *
 * Without a connection it stops the attempts, and a connect that waits ends with AWS_IOT_MQTT_ERR_CANCELLED. If no connection
 * is wanted, there is nothing to do. The offline callback may run a little after this has returned; wait for it where you need it.
 *
 * @param client  The client.
 * @param left    Receives how many operations are kept; may be NULL.
 * @return AWS_IOT_MQTT_OK, also if the connection was lost before DISCONNECT could be said.
 *         AWS_IOT_MQTT_ERR_INVALID_STATE if another disconnect is under way; AWS_IOT_MQTT_ERR_WOULD_DEADLOCK inside the
 *         client's socket factory, credentials provider or signing callback; AWS_IOT_MQTT_ERR_CANCELLED if another thread frees
 *         the client meanwhile.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_disconnect(aws_iot_mqtt_client *client,
                                                  size_t *left);

/**
 * Starts to disconnect, as aws_iot_mqtt_client_disconnect() does, and returns. The completion runs after the offline callback.
 *
 * @param client         The client.
 * @param callback       Tells the outcome, and how many operations are kept. NULL: nobody is told.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @param operation      Receives the operation's id before any callback can have it; may be NULL.
 * @return AWS_IOT_MQTT_OK if it was started; AWS_IOT_MQTT_ERR_INVALID_STATE if another disconnect is under way.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_disconnect_async(aws_iot_mqtt_client *client,
                                                        aws_iot_mqtt_completion_fn callback,
                                                        void *userdata,
                                                        aws_iot_mqtt_userdata_free_fn userdata_free,
                                                        uint64_t *operation);

/**
 * Tells the client that the network has changed, or that new credentials are to be used now. A live connection is given up and
 * made anew (the offline callback gets AWS_IOT_MQTT_ERR_CONNECTION_LOST); a client that waits for its next attempt tries now; an
 * attempt that is under way goes on.
 *
 * @param client  The client.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE if no connection is wanted, or the client is disconnecting.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_reconnect(aws_iot_mqtt_client *client);

/* ======== Publish ======== */

/**
 * Publishes a message and waits for its outcome, at most the operation time-out.
 *
 * @param client       The client.
 * @param topic        Topic name, without wildcards. AWS IoT takes 256 bytes and 8 levels.
 * @param payload      payload_len bytes of any value; NULL with length 0 is an empty message.
 * @param payload_len  Length in bytes. AWS IoT takes 128 KB.
 * @param qos          AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
 * @param retain       Whether the broker keeps the message for later subscribers. AWS IoT needs iot:RetainPublish for it.
 * @return AWS_IOT_MQTT_OK: the broker has acknowledged it; for QoS 0: it is on its way behind everything before it.
 *         AWS_IOT_MQTT_QUEUED: there is no connection, or the queue is draining; it is kept and will be sent, and the
 *         outcome callback tells how it ends.
 *         Not accepted: AWS_IOT_MQTT_ERR_INVALID_TOPIC, AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE, AWS_IOT_MQTT_ERR_QUEUE_FULL,
 *         AWS_IOT_MQTT_ERR_QUEUE_DISABLED, AWS_IOT_MQTT_ERR_INVALID_STATE (the client is disconnecting),
 *         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK (QoS 1 inside the client's socket factory, credentials provider or signing callback).
 *         Accepted and ended, QoS 1 only: AWS_IOT_MQTT_ERR_TIMEOUT, AWS_IOT_MQTT_ERR_CANCELLED,
 *         AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE; the broker may have it.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_publish(aws_iot_mqtt_client *client,
                                               const char *topic,
                                               const void *payload,
                                               size_t payload_len,
                                               int qos,
                                               bool retain);

/**
 * Publishes a message and returns. It is kept until it has an outcome, however long that takes: a QoS 1 message is sent again
 * after every reconnection until the broker has acknowledged it.
 *
 * @param client         The client.
 * @param topic          As for aws_iot_mqtt_client_publish().
 * @param payload        Likewise; copied.
 * @param payload_len    Likewise.
 * @param qos            Likewise.
 * @param retain         Likewise.
 * @param callback       Tells the outcome. AWS_IOT_MQTT_OK: for QoS 1 acknowledged, for QoS 0 the network has taken its last
 *                       byte. Otherwise AWS_IOT_MQTT_ERR_CANCELLED, AWS_IOT_MQTT_ERR_DROPPED or
 *                       AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE, and for QoS 0 AWS_IOT_MQTT_ERR_CONNECTION_LOST, where the
 *                       connection ended before that byte. NULL: the outcome callback tells it, if the call returned
 *                       AWS_IOT_MQTT_QUEUED.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @param operation      Receives the operation's id before any callback can have it; may be NULL.
 * @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as above, without
 *         AWS_IOT_MQTT_ERR_WOULD_DEADLOCK.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_publish_async(aws_iot_mqtt_client *client,
                                                     const char *topic,
                                                     const void *payload,
                                                     size_t payload_len,
                                                     int qos,
                                                     bool retain,
                                                     aws_iot_mqtt_completion_fn callback,
                                                     void *userdata,
                                                     aws_iot_mqtt_userdata_free_fn userdata_free,
                                                     uint64_t *operation);

/**
 * Gives up an operation that has no outcome yet: it ends with AWS_IOT_MQTT_ERR_CANCELLED and is not sent again. If it was sent,
 * the broker may have it; of a packet that has begun to leave, the rest follows. Giving up the first connect stops the attempts,
 * as aws_iot_mqtt_client_disconnect() does; giving up one that waits for a reconnection does not.
 *
 * @param client     The client.
 * @param operation  The id that the asynchronous call gave.
 * @return AWS_IOT_MQTT_ERR_NOT_FOUND if there is no such operation, it has its outcome already, or it is a disconnect, which
 *         cannot be given up.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_cancel(aws_iot_mqtt_client *client,
                                              uint64_t operation);

/* ======== Subscribe ======== */

/**
 * Subscribes to a topic filter and waits for the broker's answer, at most the operation time-out. The client subscribes again
 * by itself after a reconnection where the broker has not kept the session.
 *
 * Subscribing to the same filter again replaces QoS and callback when the broker has accepted it; the subscription keeps its place
 * in the order in which the callbacks of several matching filters run. QoS 1 messages are acknowledged after the callbacks have
 * returned.
 *
 * @param client         The client.
 * @param filter         Topic filter; "+" stands for one level, "#" at the end for all that follow. AWS IoT has shared
 *                       subscriptions too: "$share/group/filter".
 * @param qos            The QoS that is asked for: AWS_IOT_MQTT_QOS_0 or AWS_IOT_MQTT_QOS_1.
 * @param callback       Gets the messages, not before the broker has accepted the subscription. NULL: only
 *                       aws_iot_mqtt_client_on_message() gets them.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @param granted_qos    Receives the QoS that the broker granted, or AWS_IOT_MQTT_QOS_NONE with AWS_IOT_MQTT_QUEUED; may be
 *                       NULL.
 * @return AWS_IOT_MQTT_OK: the broker has accepted. AWS_IOT_MQTT_QUEUED: kept, and will be sent; the outcome callback tells
 *         how it ends. AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED: SUBACK 0x80 [MQTT-3.9.3-2]; the callback is given up, the library has
 *         called userdata_free or is about to, and a subscription to the same filter that was there before stays.
 *         AWS_IOT_MQTT_ERR_TIMEOUT: likewise, but the broker may accept it later; what it then sends comes to
 *         aws_iot_mqtt_client_on_message() only. Others as for aws_iot_mqtt_client_publish() with QoS 1.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_subscribe(aws_iot_mqtt_client *client,
                                                 const char *filter,
                                                 int qos,
                                                 aws_iot_mqtt_message_fn callback,
                                                 void *userdata,
                                                 aws_iot_mqtt_userdata_free_fn userdata_free,
                                                 uint8_t *granted_qos);

/**
 * Subscribes to a topic filter and returns.
 *
 * @param client                    The client.
 * @param filter                    As for aws_iot_mqtt_client_subscribe().
 * @param qos                       Likewise.
 * @param completion                Tells the broker's answer: AWS_IOT_MQTT_OK with granted_qos,
 *                                  AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE or
 *                                  AWS_IOT_MQTT_ERR_CANCELLED; after a failure the callback below gets nothing. NULL: the outcome
 *                                  callback tells it, if the call returned AWS_IOT_MQTT_QUEUED.
 * @param completion_userdata       Handed to completion (rule 9).
 * @param completion_userdata_free  Gives completion_userdata back; may be NULL.
 * @param callback                  Gets the messages. NULL: only aws_iot_mqtt_client_on_message() gets them.
 * @param userdata                  Handed to callback (rule 9). Where it is the same pointer as completion_userdata, each of
 *                                  the two is given back for itself.
 * @param userdata_free             Gives userdata back; may be NULL.
 * @param operation                 Receives the operation's id before any callback can have it; may be NULL.
 * @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as for
 *         aws_iot_mqtt_client_publish_async().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_subscribe_async(aws_iot_mqtt_client *client,
                                                       const char *filter,
                                                       int qos,
                                                       aws_iot_mqtt_completion_fn completion,
                                                       void *completion_userdata,
                                                       aws_iot_mqtt_userdata_free_fn completion_userdata_free,
                                                       aws_iot_mqtt_message_fn callback,
                                                       void *userdata,
                                                       aws_iot_mqtt_userdata_free_fn userdata_free,
                                                       uint64_t *operation);

/**
 * Like aws_iot_mqtt_client_subscribe(), but the QoS 1 messages of this subscription are acknowledged by the application, with
 * aws_iot_mqtt_client_acknowledge(), when it has stored or processed them. A message that it never acknowledges is sent again
 * after the next reconnection where the session is kept (clean_session false).
 *
 * A message that several subscriptions match waits for the application if one of them was made here.
 *
 * @param client         The client.
 * @param filter         As for aws_iot_mqtt_client_subscribe().
 * @param qos            Likewise.
 * @param callback       Likewise.
 * @param userdata       Likewise.
 * @param userdata_free  Likewise.
 * @param granted_qos    Likewise.
 * @return As for aws_iot_mqtt_client_subscribe().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_subscribe_manual_acknowledge(aws_iot_mqtt_client *client,
                                                                    const char *filter,
                                                                    int qos,
                                                                    aws_iot_mqtt_message_fn callback,
                                                                    void *userdata,
                                                                    aws_iot_mqtt_userdata_free_fn userdata_free,
                                                                    uint8_t *granted_qos);

/**
 * The asynchronous aws_iot_mqtt_client_subscribe_manual_acknowledge().
 *
 * @param client                    The client.
 * @param filter                    As for aws_iot_mqtt_client_subscribe_async().
 * @param qos                       Likewise.
 * @param completion                Likewise.
 * @param completion_userdata       Likewise.
 * @param completion_userdata_free  Likewise.
 * @param callback                  Likewise.
 * @param userdata                  Likewise.
 * @param userdata_free             Likewise.
 * @param operation                 Likewise.
 * @return As for aws_iot_mqtt_client_subscribe_async().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_subscribe_manual_acknowledge_async(aws_iot_mqtt_client *client,
                                                                          const char *filter,
                                                                          int qos,
                                                                          aws_iot_mqtt_completion_fn completion,
                                                                          void *completion_userdata,
                                                                          aws_iot_mqtt_userdata_free_fn completion_userdata_free,
                                                                          aws_iot_mqtt_message_fn callback,
                                                                          void *userdata,
                                                                          aws_iot_mqtt_userdata_free_fn userdata_free,
                                                                          uint64_t *operation);

/**
 * Acknowledges a QoS 1 message of a subscription with manual acknowledgement, on any thread, inside the callback or later.
 * PUBACKs go out in the order in which the messages came [MQTT-4.6.0-2], so one waits for those before it.
 *
 * @param client           The client.
 * @param acknowledgement  The field of that name of the message. 0, which QoS 0 messages have, does nothing.
 * @return AWS_IOT_MQTT_ERR_STALE if it was acknowledged already, or if the connection that brought the message is gone: then the
 *         broker sends it again, where the session is kept. AWS_IOT_MQTT_ERR_INVALID_ARGUMENT if no message had that number.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_acknowledge(aws_iot_mqtt_client *client,
                                                   uint64_t acknowledgement);

/**
 * Ends a subscription and waits for the broker's answer, at most the operation time-out. A filter that was never subscribed to is
 * no error: the broker is asked all the same, because it may know it from an earlier session.
 *
 * @param client  The client.
 * @param filter  The filter as it was subscribed to.
 * @return AWS_IOT_MQTT_OK: the broker has acknowledged it. Messages that came before that still go to the callback; its
 *         userdata_free says when the last one has. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Others as for
 *         aws_iot_mqtt_client_publish() with QoS 1.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_unsubscribe(aws_iot_mqtt_client *client,
                                                   const char *filter);

/**
 * Ends a subscription, as aws_iot_mqtt_client_unsubscribe() does, and returns.
 *
 * @param client         The client.
 * @param filter         The filter as it was subscribed to.
 * @param callback       Tells the broker's answer: AWS_IOT_MQTT_OK, AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE or
 *                       AWS_IOT_MQTT_ERR_CANCELLED. NULL: the outcome callback tells it, if the call returned AWS_IOT_MQTT_QUEUED.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @param operation      Receives the operation's id before any callback can have it; may be NULL.
 * @return AWS_IOT_MQTT_OK: on its way. AWS_IOT_MQTT_QUEUED: kept, and will be sent. Not accepted: as for
 *         aws_iot_mqtt_client_publish_async().
 */
aws_iot_mqtt_error aws_iot_mqtt_client_unsubscribe_async(aws_iot_mqtt_client *client,
                                                         const char *filter,
                                                         aws_iot_mqtt_completion_fn callback,
                                                         void *userdata,
                                                         aws_iot_mqtt_userdata_free_fn userdata_free,
                                                         uint64_t *operation);

/**
 * Tells whether a topic filter matches a topic name, as the client decides it for incoming messages: by section 4.7 of MQTT
 * 3.1.1, wildcards at the start not matching "$" [MQTT-4.7.2-1], and "$share/group/filter" by its inner filter.
 *
 * @param filter   Topic filter.
 * @param topic    Topic name.
 * @param matches  Receives the answer.
 * @return AWS_IOT_MQTT_ERR_INVALID_TOPIC if either of them is not valid.
 */
aws_iot_mqtt_error aws_iot_mqtt_topic_matches(const char *filter,
                                              const char *topic,
                                              bool *matches);

/* ======== Events ======== */

/**
 * Asks to be told of every connection that the broker accepts, the first one and reconnections. Online and offline callbacks
 * strictly alternate. aws_iot_mqtt_client_connect() may return a little before the callback runs.
 *
 * @param client         The client.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_online(aws_iot_mqtt_client *client,
                                                 aws_iot_mqtt_online_fn callback,
                                                 void *userdata,
                                                 aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Asks to be told of the end of every connection, and why. Only aws_iot_mqtt_client_free() outside callbacks has waited for this
 * callback when it returns; aws_iot_mqtt_client_disconnect() may return a little before it runs.
 *
 * @param client         The client.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_offline(aws_iot_mqtt_client *client,
                                                  aws_iot_mqtt_offline_fn callback,
                                                  void *userdata,
                                                  aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Asks for every message, after the callbacks of the subscriptions that match it. Messages that match no subscription, such as
 * those of a session that the broker kept, come here only.
 *
 * @param client         The client.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_message(aws_iot_mqtt_client *client,
                                                  aws_iot_mqtt_message_fn callback,
                                                  void *userdata,
                                                  aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Asks to be told of every attempt to connect that failed, and when the next one comes.
 *
 * @param client         The client.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_connect_failed(aws_iot_mqtt_client *client,
                                                         aws_iot_mqtt_connect_failed_fn callback,
                                                         void *userdata,
                                                         aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Asks for the outcomes that nobody else is told: of every operation whose call had returned AWS_IOT_MQTT_QUEUED and that has no
 * completion, and of every subscription that the broker refused when the client subscribed again.
 *
 * @param client         The client.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_outcome(aws_iot_mqtt_client *client,
                                                  aws_iot_mqtt_outcome_fn callback,
                                                  void *userdata,
                                                  aws_iot_mqtt_userdata_free_fn userdata_free);

/**
 * Asks for the log of this client. There is none by default. Read at aws_iot_mqtt_log_fn what its callback must not do.
 *
 * @param client         The client.
 * @param level          How much: AWS_IOT_MQTT_LOG_ERROR to AWS_IOT_MQTT_LOG_DEBUG; one of these also where callback is NULL.
 * @param callback       Replaces the one before; NULL removes it.
 * @param userdata       Handed to the callback (rule 9).
 * @param userdata_free  Gives userdata back; may be NULL.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_on_log(aws_iot_mqtt_client *client,
                                              int level,
                                              aws_iot_mqtt_log_fn callback,
                                              void *userdata,
                                              aws_iot_mqtt_userdata_free_fn userdata_free);

/* ======== State and statistics ======== */

/**
 * Tells what the client is doing. It may be doing something else when the call has returned.
 *
 * @param client  The client.
 * @param state   Receives AWS_IOT_MQTT_STATE_...
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_state(aws_iot_mqtt_client *client, int *state);

/**
 * Fills in the client's counters.
 *
 * @param client      The client.
 * @param stats       Receives them. The struct is the caller's, and may grow at its end with a later version of this header.
 * @param stats_size  sizeof(aws_iot_mqtt_stats) in bytes: a library that is older or newer than the program writes this many
 *                    bytes and no more; fields that it does not know become 0.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_stats(aws_iot_mqtt_client *client,
                                             aws_iot_mqtt_stats *stats,
                                             size_t stats_size);

/* ======== A loop of the application instead of threads ======== */

/**
 * Makes a loop, for an application that has one thread with poll(2), epoll or libuv and no others to spare. Clients made in it by
 * aws_iot_mqtt_client_new_in_loop() have no threads of the library: the application waits until the loop's descriptor is
 * readable and calls aws_iot_mqtt_loop_process(), which reads, writes, keeps all times and runs the callbacks. One loop may have
 * any number of clients. Clients outside of loops are not affected.
 *
 * What the other functions promise holds in a loop too, with these differences:
 *
 * - Threads. The library starts threads only for what can only be done blocking, and they end two seconds after their work: the
 *   resolution of a name (not for an endpoint or proxy that is an address), the system's certificates where no CA is configured, signed
 *   WebSocket requests (IAM credentials), and the socket factory, credentials provider and signing callbacks, which run on them. The
 *   loop is told by its descriptor.
 * - The loop's thread is the one that made the loop, until another thread calls aws_iot_mqtt_loop_process(); then it is that one. So
 *   make the loop on the thread that will drive it, or drive it there once before other threads make synchronous calls.
 * - Callbacks run on the loop's thread, inside aws_iot_mqtt_loop_process() and inside synchronous calls, one at a time for the whole
 *   loop: a slow callback delays everything in this loop, pings included. Those that a client still has when another thread
 *   frees it run in aws_iot_mqtt_client_free().
 * - A synchronous call on the loop's thread drives the whole loop until it has its outcome; callbacks of this and other operations
 *   run meanwhile. Inside a callback it drives as well, but other callbacks wait until that callback has returned. On
 *   another thread it waits for the loop's thread, so its time-out passes if nobody calls aws_iot_mqtt_loop_process().
 * - Other calls may be made on any thread at any time. They make the descriptor readable where the loop's thread has to do something.
 * - In the child of fork() the loop is dead as its clients are (rule 11). Free its clients and it there; make a new one.
 *
 * @param out  Receives the loop, which the caller owns and ends with aws_iot_mqtt_loop_free().
 * @return AWS_IOT_MQTT_OK, or an error of rule 3, or AWS_IOT_MQTT_ERR_IO if the system gives the library no descriptor.
 */
aws_iot_mqtt_error aws_iot_mqtt_loop_new(aws_iot_mqtt_loop **out);

/**
 * Makes a client in a loop, where it stays. Everything else is as for aws_iot_mqtt_client_new().
 *
 * @param loop           The loop.
 * @param client_id      As for aws_iot_mqtt_client_new().
 * @param protocol       Likewise.
 * @param use_websocket  Likewise.
 * @param clean_session  Likewise.
 * @param out            Likewise.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_client_new_in_loop(aws_iot_mqtt_loop *loop,
                                                   const char *client_id,
                                                   int protocol,
                                                   bool use_websocket,
                                                   bool clean_session,
                                                   aws_iot_mqtt_client **out);

/**
 * The one descriptor to wait for, the same from aws_iot_mqtt_loop_new() to aws_iot_mqtt_loop_free(): readable while there is something
 * to do, for whatever client and reason, times included. Wait level-triggered (poll(2), and epoll without EPOLLET), and do
 * nothing else with it.
 *
 * @param loop  The loop.
 * @param fd    Receives the descriptor, which the library owns.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_loop_fd(aws_iot_mqtt_loop *loop,
                                        int *fd);

/**
 * How long to wait at most, in the form that poll(2) takes. A loop that waits for the descriptor need not ask: its times make the
 * descriptor readable. It is for loops that want to know when the next one is due.
 *
 * @param loop        The loop.
 * @param timeout_ms  Receives milliseconds, rounded up; 0: something is to be done now; -1: there is nothing to wait for but the
 *                    descriptor. Any call on a client of this loop may make it shorter.
 * @return AWS_IOT_MQTT_OK, or an error of rule 3.
 */
aws_iot_mqtt_error aws_iot_mqtt_loop_timeout_ms(aws_iot_mqtt_loop *loop,
                                                int *timeout_ms);

/**
 * Does everything that is ready in this loop: reads, writes, times that have come, callbacks. It never waits; calling it for nothing
 * is cheap. It returns when nothing is ready, or after about 10 ms although more is, so that the application's other descriptors
 * have their turn; then the descriptor is still readable.
 *
 * The calling thread becomes the loop's thread.
 *
 * @param loop  The loop.
 * @return AWS_IOT_MQTT_ERR_INVALID_STATE inside one of its callbacks, and while another thread is in this function or in a
 *         synchronous call that drives the loop.
 */
aws_iot_mqtt_error aws_iot_mqtt_loop_process(aws_iot_mqtt_loop *loop);

/**
 * Ends a loop: its descriptor must not be waited for any more. Free its clients first. Those that are left stay valid, but nobody does
 * anything for them except the loop's thread in their synchronous calls, and aws_iot_mqtt_client_free(): what they have pending
 * waits, and ends there with AWS_IOT_MQTT_ERR_CANCELLED.
 *
 * Clients that were freed inside callbacks and have not ended yet end here, pending operations and callbacks included; inside a
 * callback, after it has returned.
 *
 * @param loop  The loop, or NULL, which does nothing. No other call on it may begin any more.
 */
void aws_iot_mqtt_loop_free(aws_iot_mqtt_loop *loop);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* AWS_IOT_MQTT_H */
