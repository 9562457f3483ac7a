// basic_pubsub.c in C++17: the client owns itself, handlers are lambdas, failures are values (the manual is in aws_iot_mqtt.hpp).
#include <aws_iot_mqtt.hpp>

#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <vector>

#include "options.h"

using aws_iot_mqtt::Client;
using aws_iot_mqtt::Message;
using aws_iot_mqtt::QoS;
using aws_iot_mqtt::Status;

namespace {

class Inbox {
public:
    void add(const Message &message)
    {
        std::lock_guard<std::mutex> lock(mutex_);
        std::printf("received on %.*s: %.*s\n", static_cast<int>(message.topic.size()), message.topic.data(),
                    static_cast<int>(message.payload.size()), message.payload.data());
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

bool fine(const char *call, const Status &status)
{
    if (!status)
        std::fprintf(stderr, "%s: %s\n", call, status.text().c_str());
    return status.accepted();
}

bool run(const options &options)
{
    Inbox inbox; // made before the client, so it outlives every handler
    auto made = Client::create(options.client_id);
    if (!fine("create", made))
        return false;
    Client client = std::move(made).value();
    if (!fine("configure_endpoint", client.configure_endpoint(options.endpoint, options_port(&options))) ||
        !fine("configure_credentials", client.configure_credentials(options.ca, options.key, options.cert)) ||
        !fine("connect", client.connect()))
        return false;
    std::printf("connected to %s:%s as %s\n", options.endpoint, options.port, options.client_id);
    if (!fine("subscribe", client.subscribe(options.topic, QoS::at_least_once, [&](const Message &message) { inbox.add(message); })))
        return false;

    // All at once; each future becomes ready when the broker has acknowledged its message.
    const int count = options_count(&options);
    std::vector<std::future<aws_iot_mqtt::Outcome>> published;
    for (int i = 1; i <= count; i++) {
        const std::string payload = "message " + std::to_string(i) + " of " + std::to_string(count);
        published.push_back(client.publish_future(options.topic, payload, QoS::at_least_once));
    }
    int acknowledged = 0;
    for (auto &outcome : published)
        acknowledged += fine("publish", outcome.get());
    const int received = inbox.wait(count, std::chrono::seconds(30));
    std::printf("published %d, acknowledged %d, received %d\n", count, acknowledged, received);
    const auto left = client.disconnect(); // how many operations were not finished
    // A message may come twice: QoS 1 means at least once.
    return fine("disconnect", left) && *left == 0 && acknowledged == count && received >= count;
}

} // namespace

int main(int argc, char **argv)
{
    options options;
    if (options_parse(argc, argv, &options) != 0)
        return 2;
    return run(options) ? 0 : 1;
}
