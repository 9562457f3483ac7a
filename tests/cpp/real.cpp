// Against a real broker over mutual TLS: synchronous calls, completions, futures, events; what a program does with the wrapper.
#include "check.hpp"

#include <array>
#include <poll.h>

namespace {

class Inbox {
public:
    void take(const Message &message)
    {
        {
            std::lock_guard<std::mutex> lock(mutex_);
            text_ += std::string(message.topic) + "=" + std::string(message.payload) + " ";
        }
        gate_.open();
    }
    std::string wait(int count)
    {
        CHECK(gate_.reached(count));
        std::lock_guard<std::mutex> lock(mutex_);
        return text_;
    }

private:
    std::mutex mutex_;
    Gate gate_;
    std::string text_;
};

void synchronous(char **argv)
{
    Inbox inbox; // before the client: it outlives the handlers that refer to it
    Gate online, offline;
    Client client = new_client(argv, "cpp-sync");
    CHECK_OK(client.on_online([&](bool session_present) {
        CHECK(!session_present);
        online.open();
    }));
    CHECK_OK(client.on_offline([&](const Status &why) {
        CHECK_CODE(Code::cancelled, why);
        offline.open();
    }));
    CHECK_OK(client.connect(std::chrono::seconds(30)));
    CHECK(client.state().value() == aws_iot_mqtt::State::connected);
    auto granted = client.subscribe("cpp/+", QoS::at_least_once, [&](const Message &message) { inbox.take(message); });
    CHECK_OK(granted);
    CHECK(*granted == QoS::at_least_once);
    // A payload is whatever is made of bytes; a topic need not end with a NUL.
    const std::string_view topics = "cpp/acpp/b";
    CHECK_OK(client.publish(topics.substr(0, 5), "literal", QoS::at_least_once));
    CHECK_OK(client.publish(topics.substr(5), std::string("a\0b", 3), QoS::at_least_once));
    CHECK_OK(client.publish("cpp/c", std::vector<std::uint8_t>{'x', 'y'}, QoS::at_most_once));
    CHECK_OK(client.publish("cpp/d", std::array<char, 1>{'z'}, QoS::at_least_once));
    CHECK_OK(client.publish("cpp/e", {}, QoS::at_least_once));
    CHECK_TEXT(std::string("cpp/a=literal cpp/b=a\0b cpp/c=xy cpp/d=z cpp/e= ", 48), inbox.wait(5));
    CHECK_OK(client.unsubscribe("cpp/+"));
    CHECK(client.stats()->messages_sent == 5);
    auto left = client.disconnect();
    CHECK_OK(left);
    CHECK(*left == 0 && online.count() == 1 && offline.reached(1));
}

void futures(char **argv)
{
    Inbox inbox;
    Client client = new_client(argv, "cpp-futures");
    const Outcome connected = get(client.connect_future());
    CHECK_OK(connected);
    CHECK(!connected.session_present);
    const Outcome subscribed =
        get(client.subscribe_future("futures/#", QoS::at_least_once, [&](const Message &message) { inbox.take(message); }));
    CHECK_OK(subscribed);
    CHECK(subscribed.granted_qos == QoS::at_least_once && subscribed.packet_id > 0);
    std::vector<std::future<Outcome>> published;
    aws_iot_mqtt::OperationId id = 0;
    for (int i = 0; i < 100; i++)
        published.push_back(client.publish_future("futures/" + std::to_string(i), std::to_string(i), QoS::at_least_once, false, &id));
    CHECK(id > 0);
    for (auto &future : published)
        CHECK_OK(get(std::move(future)));
    (void)inbox.wait(100);
    // Throwing a future away gives up the answer and not the operation.
    (void)client.publish_future("futures/last", "", QoS::at_least_once);
    (void)inbox.wait(101);
    // Not accepted: ready at once, with the call's own failure.
    auto refused = client.publish_future("futures/#", "", QoS::at_least_once);
    CHECK(refused.wait_for(std::chrono::seconds(0)) == std::future_status::ready);
    const Outcome why = refused.get();
    CHECK_CODE(Code::invalid_topic, why);
    CHECK(!why.detail().empty() && why.operation == 0);
    CHECK_OK(get(client.unsubscribe_future("futures/#")));
    const Outcome parted = get(client.disconnect_future());
    CHECK_OK(parted);
    CHECK(parted.left == 0);
}

void completions(char **argv)
{
    Inbox inbox;
    Gate done;
    Client client = new_client(argv, "cpp-completions");
    auto ok = [&](const Outcome &outcome) {
        CHECK_OK(outcome);
        CHECK(outcome.operation > 0);
        done.open();
    };
    CHECK_OK(client.connect_async(aws_iot_mqtt::default_keep_alive, ok));
    CHECK(done.reached(1));
    auto subscribed = client.subscribe_async("completions", QoS::at_least_once, [&](const Message &m) { inbox.take(m); }, ok);
    CHECK_OK(subscribed);
    CHECK(subscribed.value() > 0 && done.reached(2));
    CHECK_OK(client.publish_async("completions", "hello", QoS::at_least_once, false, ok));
    CHECK_OK(client.publish_async("completions", "nobody is told", QoS::at_least_once, false, {}));
    CHECK(done.reached(3));
    CHECK_TEXT("completions=hello completions=nobody is told ", inbox.wait(2));
    CHECK_OK(client.unsubscribe_async("completions", ok));
    CHECK(done.reached(4));
    CHECK_OK(client.disconnect_async(ok));
    CHECK(done.reached(5));
}

void manual_acknowledge(char **argv)
{
    Gate done;
    Client client = connected_client(argv, "cpp-acknowledge");
    CHECK_OK(client.subscribe_manual_acknowledge("acknowledge", QoS::at_least_once, [&](const Message &message) {
        CHECK(message.acknowledgement > 0);
        CHECK_OK(client.acknowledge(message.acknowledgement));
        CHECK_CODE(Code::stale, client.acknowledge(message.acknowledgement));
        done.open();
    }));
    CHECK_OK(client.publish("acknowledge", "", QoS::at_least_once));
    CHECK(done.reached(1));
    CHECK_OK(get(client.subscribe_manual_acknowledge_future("second", QoS::at_least_once, {})));
    CHECK_OK(client.disconnect());
}

// A key that only the application can use, and that refuses: its number comes back.
void signer(char **argv)
{
    Client client = new_client(argv, "cpp-signer");
    const std::string directory = argv[3];
    CHECK_OK(client.configure_private_key_callback(
        directory + "/ca.pem", directory + "/client.pem", aws_iot_mqtt::SignatureForm::der,
        [](const aws_iot_mqtt::SigningRequest &request, aws_iot_mqtt::Signature &signature) {
            CHECK(request.scheme == aws_iot_mqtt::SignatureScheme::ecdsa_p256_sha256);
            CHECK(request.digest.size() == 32 && request.message.size() > 32 && signature.capacity >= 72);
            return 4711;
        }));
    const Status refused = client.connect();
    CHECK_CODE(Code::private_key, refused);
    CHECK(refused.detail().find("4711") != std::string::npos);
}

} // namespace

// One thread drives the client in a loop of its own.
void loop(char **argv)
{
    const aws_iot_mqtt::Loop empty;
    CHECK_CODE(Code::invalid_argument, empty.process());
    CHECK_CODE(Code::invalid_argument, Client::create_in(empty, "cpp-loop"));
    auto made = aws_iot_mqtt::Loop::create();
    CHECK_OK(made);
    const aws_iot_mqtt::Loop loop = std::move(made).value();
    CHECK_OK(loop.fd());
    CHECK(!loop.timeout()->has_value());
    std::string received;
    bool published = false;
    Client client = configured(Client::create_in(loop, "cpp-loop"), argv);
    CHECK_OK(client.connect());
    CHECK_OK(client.subscribe("loop/t", QoS::at_least_once, [&](const Message &message) { received = message.payload; }));
    CHECK_OK(client.publish_async("loop/t", "hello", QoS::at_least_once, false, [&](const Outcome &outcome) {
        CHECK_OK(outcome);
        published = true;
    }));
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!published || received != "hello") {
        CHECK(std::chrono::steady_clock::now() < until);
        CHECK(loop.timeout()->has_value()); // The keep alive, at the latest.
        pollfd descriptor{*loop.fd(), POLLIN, 0};
        CHECK(poll(&descriptor, 1, 1000) >= 0);
        CHECK_OK(loop.process());
    }
    CHECK_OK(client.disconnect());
}

int main(int argc, char **argv)
{
    const Case cases[] = {{"synchronous", synchronous},
                          {"futures", futures},
                          {"completions", completions},
                          {"manual_acknowledge", manual_acknowledge},
                          {"signer", signer},
                          {"loop", loop}};
    return run_case(argc, argv, cases);
}
