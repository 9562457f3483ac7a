/* The command line that the examples share. Nothing about MQTT is in here. */
#ifndef EXAMPLE_OPTIONS_H
#define EXAMPLE_OPTIONS_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
    const char *endpoint;  /* the broker's host name; for AWS IoT: aws iot describe-endpoint --endpoint-type iot:Data-ATS */
    const char *port;      /* 8883, or 443 */
    const char *ca;        /* PEM files: whom to trust, who we are, and the proof of it */
    const char *cert;
    const char *key;
    const char *client_id; /* the broker allows one connection for each */
    const char *topic;
    const char *count;     /* how many messages to publish */
    const char *region;    /* for MQTT over WebSocket, if the endpoint's name does not tell it */
};

/* MQTT over WebSocket, by its port 443: IAM credentials take the place of the files. */
static inline int options_usage(const char *program, const char *default_port)
{
    const char *files = strcmp(default_port, "443") == 0 ? "[--ca FILE] [--region REGION]" : "--ca FILE --cert FILE --key FILE";
    fprintf(stderr, "usage: %s %s [--endpoint HOST] [--port %s]\n       [--client-id ID] [--topic TOPIC] [--count N]\n", program, files,
            default_port);
    return -1;
}

/* A number from 1 to `max`; 0 if `text` is none. */
static inline long options_number(const char *text, long max)
{
    char *end = NULL;
    long value = strtol(text, &end, 10);
    return end != text && *end == '\0' && value >= 1 && value <= max ? value : 0;
}

static inline uint16_t options_port(const struct options *options)
{
    return (uint16_t)options_number(options->port, 65535);
}

static inline int options_count(const struct options *options)
{
    return (int)options_number(options->count, 1000000);
}

/* Fills `options` from the command line; 0, or -1 when it has said what is wrong. */
static inline int options_read(int argc, char **argv, struct options *options, const char *default_port)
{
    struct { const char *name; const char **value; } known[] = {
        {"--endpoint", &options->endpoint}, {"--port", &options->port},           {"--ca", &options->ca},
        {"--cert", &options->cert},         {"--key", &options->key},             {"--client-id", &options->client_id},
        {"--topic", &options->topic},       {"--count", &options->count},         {"--region", &options->region},
    };
    const size_t known_len = sizeof known / sizeof known[0];

    options->endpoint = "localhost";
    options->port = default_port;
    options->client_id = "aws-iot-mqtt-example";
    options->topic = "aws-iot-mqtt/example";
    options->count = "10";
    options->ca = options->cert = options->key = options->region = NULL;

    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < known_len && strcmp(argv[i], known[k].name) != 0)
            k++;
        if (k == known_len || i + 1 == argc) {
            if (strcmp(argv[i], "--help") != 0)
                fprintf(stderr, "%s: %s\n", argv[i], k == known_len ? "no such option" : "needs a value");
            return options_usage(argv[0], default_port);
        }
        *known[k].value = argv[i + 1];
    }
    if (options_port(options) == 0 || options_count(options) == 0) {
        fprintf(stderr, "--port must be 1 to 65535, --count 1 to 1000000\n");
        return options_usage(argv[0], default_port);
    }
    return 0;
}

/* The same for MQTT over mutual TLS, which needs the three files. */
static inline int options_parse(int argc, char **argv, struct options *options)
{
    if (options_read(argc, argv, options, "8883") != 0)
        return -1;
    if (options->ca == NULL || options->cert == NULL || options->key == NULL) {
        fprintf(stderr, "--ca, --cert and --key are needed\n");
        return options_usage(argv[0], "8883");
    }
    return 0;
}

#endif
