/* aws_iot_mqtt_topic_matches: section 4.7 of MQTT 3.1.1, and shared subscriptions by their inner filter. */
#include "check.h"

static const struct {
    const char *filter, *topic;
    bool matches;
} cases[] = {
    /* The examples of 4.7.1.2 */
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/tennis/player1/#", "sport/tennis/player10", false},
    {"sport/#", "sport", true},
    {"#", "anything/at/all", true},
    {"#", "/", true},
    /* and of 4.7.1.3 */
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+", "/finance", false},
    {"+/tennis/#", "sport/tennis", true},
    /* 4.7.2: a wildcard at the start does not match "$" */
    {"#", "$SYS/uptime", false},
    {"+/monitor/Clients", "$SYS/monitor/Clients", false},
    {"$SYS/#", "$SYS/uptime", true},
    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
    {"$aws/things/+/shadow/#", "$aws/things/lamp/shadow/update/accepted", true},
    {"a/#", "a/$b", true},
    {"a/+", "a/$b", true},
    /* 4.7.3: names are compared byte by byte, and empty levels count */
    {"a/b", "A/b", false},
    {"a/b", "a/b", true},
    {"a/b", "a/b/", false},
    {"a/b", "/a/b", false},
    {"a//b", "a//b", true},
    {"a/+/b", "a//b", true},
    {"a/#", "a/", true},
    {"a/+/#", "a/", true},
    {"a/+/#", "a", false},
    {"ü/+", "ü/ö", true},
    {"+/+/+", "a/b", false},
    {" ", " ", true},
    /* Shared */
    {"$share/group/a/+", "a/b", true},
    {"$share/group/#", "a/b", true},
    {"$share/group/a", "$share/group/a", false},
    {"$share/group/#", "$SYS/uptime", false},
};

int main(void) {
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool matches = !cases[i].matches;
        CHECK_OK(aws_iot_mqtt_topic_matches(cases[i].filter, cases[i].topic, &matches));
        if (matches != cases[i].matches) FAIL("\"%s\" and \"%s\": got %d", cases[i].filter, cases[i].topic, matches);
    }
    const char *bad_filters[] = {"", "a#", "a/#/b", "a+/b", "+a", "##", "$share/g", "$share//a", "$share/+/a", "$share/g/"};
    bool matches = true;
    for (size_t i = 0; i < sizeof bad_filters / sizeof bad_filters[0]; i++) {
        CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_TOPIC, "filter", aws_iot_mqtt_topic_matches(bad_filters[i], "a", &matches));
    }
    const char *bad_topics[] = {"", "a/+", "#", "a/#"};
    for (size_t i = 0; i < sizeof bad_topics / sizeof bad_topics[0]; i++) {
        CHECK_FAILS(AWS_IOT_MQTT_ERR_INVALID_TOPIC, "topic", aws_iot_mqtt_topic_matches("a", bad_topics[i], &matches));
    }
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_UTF8, aws_iot_mqtt_topic_matches("a", "\xff", &matches));
    CHECK_CODE(AWS_IOT_MQTT_ERR_INVALID_UTF8, aws_iot_mqtt_topic_matches("\xc0\x80", "a", &matches));
    CHECK(matches);
    return 0;
}
