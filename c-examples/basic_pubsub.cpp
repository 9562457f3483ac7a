// basic_pubsub.c as C++17 over the C header: a unique_ptr owns the client, an exception carries the failure.
#include <aws_iot_mqtt.h>

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

#include "options.h"

namespace {

struct free_client {
    void operator()(aws_iot_mqtt_client *client) const { aws_iot_mqtt_client_free(client); }
};
using client_ptr = std::unique_ptr<aws_iot_mqtt_client, free_client>;

void check(const char *call, aws_iot_mqtt_error error)
{
    if (error != AWS_IOT_MQTT_OK)
        throw std::runtime_error(std::string(call) + ": " + aws_iot_mqtt_error_name(error) + ": " + aws_iot_mqtt_last_error_detail());
}

class inbox {
public:
    void add()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        received_++;
        arrived_.notify_one();
    }

    // Waits until `wanted` messages have come, at most `patience`; gives how many have.
    int wait(int wanted, std::chrono::seconds patience)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        arrived_.wait_for(lock, patience, [&] { return received_ >= wanted; });
        return received_;
    }

private:
    std::mutex mutex_;
    std::condition_variable arrived_;
    int received_ = 0;
};

} // namespace

// Runs on a thread of the library, which is C to us: no exception may leave it.
extern "C" {
static void on_message(const aws_iot_mqtt_message *message, void *userdata) noexcept
{
    std::string_view payload(reinterpret_cast<const char *>(message->payload), message->payload_len);
    std::printf("received on %s: %.*s\n", message->topic, static_cast<int>(payload.size()), payload.data());
    static_cast<inbox *>(userdata)->add();
}
}

static bool run(const options &options)
{
    inbox messages; // made before the client, so it outlives every callback
    aws_iot_mqtt_client *raw = nullptr;
    check("new", aws_iot_mqtt_client_new(options.client_id, AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &raw));
    client_ptr client(raw);
    check("configure_endpoint", aws_iot_mqtt_client_configure_endpoint(client.get(), options.endpoint, options_port(&options)));
    check("configure_credentials",
          aws_iot_mqtt_client_configure_credentials(client.get(), options.ca, options.key, options.cert, nullptr));
    check("connect", aws_iot_mqtt_client_connect(client.get(), AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS));
    std::printf("connected to %s:%s as %s\n", options.endpoint, options.port, options.client_id);
    check("subscribe", aws_iot_mqtt_client_subscribe(client.get(), options.topic, AWS_IOT_MQTT_QOS_1, on_message, &messages,
                                                     nullptr, nullptr));

    const int count = options_count(&options);
    int published = 0, acknowledged = 0;
    for (int i = 1; i <= count; i++) {
        const std::string payload = "message " + std::to_string(i) + " of " + std::to_string(count);
        auto error = aws_iot_mqtt_client_publish(client.get(), options.topic, reinterpret_cast<const uint8_t *>(payload.data()),
                                                 payload.size(), AWS_IOT_MQTT_QOS_1, false);
        published++;
        if (error != AWS_IOT_MQTT_QUEUED) { // QUEUED: no connection just now; it is kept and will be sent
            check("publish", error);
            acknowledged++;
        }
    }
    const int received = messages.wait(count, std::chrono::seconds(30));
    std::printf("published %d, acknowledged %d, received %d\n", published, acknowledged, received);
    check("disconnect", aws_iot_mqtt_client_disconnect(client.get(), nullptr));
    return acknowledged == count && received == count;
}

int main(int argc, char **argv)
{
    options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    try {
        return run(options) ? 0 : 1;
    } catch (const std::exception &failure) {
        std::fprintf(stderr, "%s\n", failure.what());
        return 1;
    }
}
