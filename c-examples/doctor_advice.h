/* What the failures of doctor.c mostly come from, and how to mend them. */
#ifndef DOCTOR_ADVICE_H
#define DOCTOR_ADVICE_H

#include <aws_iot_mqtt.h>
#include <stddef.h>
#include <string.h>

struct advice {
    const char *step;   /* what does not hold */
    const char *likely; /* the cause that it mostly is */
    const char *mend;
};

#define ENDPOINT_COMMAND "aws iot describe-endpoint --endpoint-type iot:Data-ATS"

static const struct advice NAME_UNKNOWN = {
    "name", "the endpoint is misspelt or of another account, or this network's name server does not know names outside",
    "compare it with `" ENDPOINT_COMMAND "`; on the device: getent hosts ENDPOINT"};
static const struct advice NAME_NO_SERVER = {
    "name", "no name server answers: the network is down, or has no name server configured",
    "look at the network first: ip route, cat /etc/resolv.conf"};
static const struct advice TCP_REFUSED = {
    "TCP", "nothing listens on this port, or a firewall rejects it",
    "AWS IoT listens on 8883 and 443, a mosquitto mostly on 8883; is the broker running, and --port right?"};
static const struct advice TCP_SILENT = {
    "TCP", "the port is blocked: a firewall on the way drops the packets",
    "try --port 443, which most networks let through; else have outgoing TCP to this port opened"};
static const struct advice TCP_NO_WAY = {
    "TCP", "there is no way to this address from here", "look at the network: ip addr, ip route; is the interface up?"};

/* The connection was closed on us; the number alone does not tell why. */
static const struct advice CLOSED_IN_TLS = {
    "TLS", "what is between here and the broker ends TLS: a firewall or proxy that inspects it, or the port is not the broker's",
    "try --port 443 or another network; compare the endpoint with `" ENDPOINT_COMMAND "`"};
static const struct advice CLOSED_BEFORE_CONNACK = {
    "CONNACK", "AWS IoT closes so when the certificate has no policy attached, the policy does not allow iot:Connect for this client id, "
               "or the certificate is not active",
    "attach a policy that allows iot:Connect on arn:aws:iot:REGION:ACCOUNT:client/CLIENT_ID, and activate the certificate"};
static const struct advice SUBSCRIBE_FORBIDDEN = {
    "subscribe", "the policy does not allow iot:Subscribe for this topic",
    "allow iot:Subscribe on arn:aws:iot:REGION:ACCOUNT:topicfilter/TOPIC (and iot:Receive on topic/TOPIC), or give another --topic"};
static const struct advice PUBLISH_FORBIDDEN = {
    "publish", "the policy does not allow iot:Publish for this topic",
    "allow iot:Publish on arn:aws:iot:REGION:ACCOUNT:topic/TOPIC, or give another --topic"};
static const struct advice NOT_RECEIVED = {
    "receive", "the policy does not allow iot:Receive for this topic, or the broker's access list keeps the message back",
    "allow iot:Receive on arn:aws:iot:REGION:ACCOUNT:topic/TOPIC"};
static const struct advice CLIENT_ID_TAKEN = {
    "client id", "another program uses the same client id: the broker keeps one connection for each and closes the older one, in turn",
    "end the other program, or give each its own: --client-id"};
static const struct advice NO_ANSWER = {
    "CONNACK", "the broker took the connection and then said nothing: it is overloaded, or the connection was cut on the way",
    "try again; on AWS IoT look at the account's connection quotas and at the CloudWatch log AWSIotLogsV2"};
/* Of whatever operation: advice_at() names the step. */
static const struct advice CONNECTION_LOST = {
    "connection", "the broker or something on the way closed the connection with nothing asked on it: another program with this client id, a "
                  "broker that restarts, or a link that does not hold",
    "run it again; if it is lost again, look for the other program, and at the network between here and the broker"};
static const struct advice UNANSWERED = {
    "connection", "no answer came on a connection that stands: the broker is overloaded or throttles, or the link was cut without a word",
    "try again; on AWS IoT look at the account's quotas and at the CloudWatch log AWSIotLogsV2"};
static const struct advice UNKNOWN_FAILURE = {
    "connection", "this failure has no usual cause; its own words are above", "run with a newer version, and report it with this output"};

static inline struct advice advice_at(const char *step, struct advice advice)
{
    advice.step = step;
    return advice;
}

/* What a call can fail with, by its number. `step` names the part of the connection that did not hold. */
static inline struct advice advice_for(int error, const char *detail)
{
    static const struct { int error; struct advice advice; } known[] = {
        {AWS_IOT_MQTT_ERR_INVALID_TOPIC, {"topic", "messages cannot be published to this --topic", "give a topic name, without + and #"}},
        {AWS_IOT_MQTT_ERR_CA_FILE, {"CA file", "the file of --ca is not there, not readable or not PEM",
            "for AWS IoT take AmazonRootCA1.pem; it begins with -----BEGIN CERTIFICATE-----"}},
        {AWS_IOT_MQTT_ERR_CERTIFICATE, {"device certificate", "the file of --cert is not there, not readable or not PEM",
            "take the file ...-certificate.pem.crt that AWS IoT made with the key"}},
        {AWS_IOT_MQTT_ERR_PRIVATE_KEY, {"private key", "the wrong key: it belongs to another certificate, or is not there, not readable or not PEM",
            "take the ...-private.pem.key that was made with this certificate; if it is lost, make a new certificate"}},
        {AWS_IOT_MQTT_ERR_CONNECTION_REFUSED, {"TCP", "nothing listens on this port, or a firewall rejects it", "see --port"}},
        {AWS_IOT_MQTT_ERR_TLS, {"TLS", "what listens on this port does not speak the TLS of an MQTT broker",
            "AWS IoT has MQTT over TLS on 8883 and 443; a mosquitto has none on 1883"}},
        {AWS_IOT_MQTT_ERR_PEER_UNTRUSTED, {"TLS chain", "the wrong CA file; or an endpoint without \"-ats\", whose certificate has an older CA; "
            "or a proxy that opens TLS stands between", "take AmazonRootCA1.pem and the endpoint of `" ENDPOINT_COMMAND "`"}},
        {AWS_IOT_MQTT_ERR_CIPHERS, {"TLS", "the server accepts none of the cipher suites", "look at the security policy of the endpoint"}},
        {AWS_IOT_MQTT_ERR_PEER_NAME, {"TLS name", "the endpoint is an address, an alias or another machine's name, and not the one that the "
            "server's certificate is for", "give the name as in `" ENDPOINT_COMMAND "`, or one that the certificate has"}},
        {AWS_IOT_MQTT_ERR_PEER_EXPIRED, {"TLS dates", "the clock of this device is wrong; if it is right, the server's certificate has run out",
            "compare the clock line above with a watch and set it (NTP); with a broker of your own: renew its certificate"}},
        {AWS_IOT_MQTT_ERR_REFUSED_BY_PEER, {"TLS device certificate", "the certificate is not registered for this endpoint's account and region, "
            "not activated, revoked, or has run out",
            "aws iot describe-certificate --certificate-id ID must say ACTIVE; else aws iot update-certificate --new-status ACTIVE"}},
        {AWS_IOT_MQTT_ERR_PROTOCOL, {"CONNACK", "what answers is not an MQTT broker", "check --endpoint and --port"}},
        {AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION, {"CONNACK", "the broker does not speak MQTT 3.1.1", "use a newer broker"}},
        {AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED, {"CONNACK", "the broker does not allow this client id",
            "give a --client-id that the policy of the certificate allows; AWS IoT takes 1 to 128 characters"}},
        {AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE, {"CONNACK", "the service is overloaded or limits this account", "try again later"}},
        {AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD, {"CONNACK", "the broker wants a user name and password, or refuses the ones it got",
            "AWS IoT wants none with a certificate; is this endpoint one with a custom authorizer?"}},
        {AWS_IOT_MQTT_ERR_NOT_AUTHORIZED, {"CONNACK", "the policy does not allow iot:Connect for this client id, or no policy is attached",
            "allow iot:Connect on arn:aws:iot:REGION:ACCOUNT:client/CLIENT_ID and attach the policy to the certificate"}},
    };
    if (strstr(detail, "no_application_protocol") != NULL) {
        struct advice alpn = {"TLS ALPN", "the endpoint does not do MQTT on port 443 (ALPN x-amzn-mqtt-ca)", "try --port 8883, or another endpoint kind"};
        return alpn;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i].error == error)
            return known[i].advice;
    }
    return UNKNOWN_FAILURE;
}

/* A word about endpoints that are of the wrong kind; NULL if nothing speaks against it. */
static inline const char *endpoint_kind_problem(const char *endpoint, int port)
{
    if (strstr(endpoint, "://") != NULL || strchr(endpoint, '/') != NULL)
        return "give the host name alone, without https:// and path";
    if (strstr(endpoint, ".credentials.iot.") != NULL)
        return "this is the credentials provider's endpoint; MQTT is at iot:Data-ATS";
    if (strstr(endpoint, ".jobs.iot.") != NULL)
        return "this is the endpoint of jobs; MQTT is at iot:Data-ATS";
    if (strstr(endpoint, ".amazonaws.com") != NULL && strstr(endpoint, ".iot.") != NULL && strstr(endpoint, "ats.iot.") == NULL)
        return "this is the old kind of endpoint, iot:Data, whose certificate is not Amazon's own; take iot:Data-ATS";
    if (strstr(endpoint, ".amazonaws.com") != NULL && port != 8883 && port != 443)
        return "AWS IoT has MQTT with a device certificate on ports 8883 and 443 only";
    return NULL;
}

#endif
