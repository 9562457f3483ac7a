// How long handlers and futures live, and what ends them; arguments that C could not tell apart.
#include "check.hpp"

#include <exception>
#include <poll.h>
#include <sys/socket.h>
#include <type_traits>
#include <unistd.h>

using namespace std::chrono_literals;

// Owners: moved and not copied, and a container may move them when it grows.
static_assert(std::is_nothrow_move_constructible_v<Client> && std::is_nothrow_move_assignable_v<Client>);
static_assert(!std::is_copy_constructible_v<Client> && !std::is_copy_assignable_v<Client>);
static_assert(std::is_nothrow_move_constructible_v<aws_iot_mqtt::Loop> && std::is_nothrow_move_assignable_v<aws_iot_mqtt::Loop>);
static_assert(!std::is_copy_constructible_v<aws_iot_mqtt::Loop> && !std::is_copy_assignable_v<aws_iot_mqtt::Loop>);
// Nobody deletes a client by its part.
static_assert(!std::is_destructible_v<aws_iot_mqtt::Configuration>);
// What comes out of a temporary does not refer to it.
static_assert(!std::is_reference_v<decltype(std::declval<Status>().detail())>);
static_assert(!std::is_reference_v<decltype(*std::declval<aws_iot_mqtt::Result<QoS>>())>);
static_assert(!std::is_reference_v<decltype(std::declval<aws_iot_mqtt::Result<QoS>>().value())>);

namespace {

std::shared_ptr<Gate> gate() { return std::make_shared<Gate>(); }

// The broker answers no PUBLISH, refuses the filter "refused", does not answer "silent", and sends one message on "in".
void destroyed_in_its_handler(char **argv)
{
    struct Shared {
        std::unique_ptr<Client> client;
        std::future<Outcome> pending;
        Gate returned;
    };
    auto shared = std::make_shared<Shared>();
    auto destroyed = gate();
    shared->client = std::make_unique<Client>(connected_client(argv));
    CHECK_OK(shared->client->subscribe("in", QoS::at_least_once, [shared, alive = token(destroyed), destroyed](const Message &message) {
        shared->pending = shared->client->publish_future("out", "", QoS::at_least_once);
        shared->client.reset();
        // The handler runs on, with all that it captured and with its message.
        CHECK(*alive == 7 && destroyed->count() == 0);
        CHECK_TEXT("in", std::string(message.topic));
        CHECK(shared->pending.wait_for(0s) == std::future_status::timeout);
        shared->returned.open();
    }));
    CHECK(shared->returned.reached(1));
    CHECK_CODE(Code::cancelled, get(std::move(shared->pending)));
    CHECK(destroyed->reached(1));
}

void destroyed_outside(char **argv)
{
    auto destroyed = gate();
    Gate told;
    std::future<Outcome> pending;
    {
        Client client = connected_client(argv);
        CHECK_OK(client.on_offline([&told, alive = token(destroyed)](const Status &) { told.open(); }));
        CHECK_OK(client.publish_async("out", "", QoS::at_least_once, false, [&told, alive = token(destroyed)](const Outcome &outcome) {
            CHECK_CODE(Code::cancelled, outcome);
            told.open();
        }));
        pending = client.publish_future("out", "", QoS::at_least_once);
        CHECK(destroyed->count() == 0);
    }
    // The destructor has waited for all of it.
    CHECK(pending.wait_for(0s) == std::future_status::ready);
    CHECK_CODE(Code::cancelled, pending.get());
    CHECK(told.count() == 2 && destroyed->count() == 2);
}

void replaced_in_its_handler(char **argv)
{
    auto destroyed = gate();
    Gate returned;
    Client client = connected_client(argv);
    CHECK_OK(client.on_message([&, alive = token(destroyed)](const Message &) {
        CHECK_OK(client.on_message(nullptr));
        CHECK(*alive == 7 && destroyed->count() == 0);
        returned.open();
    }));
    CHECK_OK(client.subscribe("in", QoS::at_least_once, {}));
    CHECK(returned.reached(1) && destroyed->reached(1));
}

// The filter "in" has a handler that ends or replaces its own subscription: it runs on, and is destroyed afterwards.
void subscription_changed_in_its_handler(char **argv)
{
    auto destroyed = gate(), second_destroyed = gate();
    Gate returned, unsubscribed;
    {
        Client client = connected_client(argv);
        CHECK_OK(client.subscribe("in", QoS::at_least_once, [&, alive = token(destroyed)](const Message &message) {
            CHECK_OK(client.subscribe("in", QoS::at_least_once, [&, alive = token(second_destroyed)](const Message &) {
                CHECK_OK(client.unsubscribe_async("in", [&](const Outcome &outcome) {
                    CHECK_OK(outcome);
                    unsubscribed.open();
                }));
                CHECK(*alive == 7 && second_destroyed->count() == 0);
            }));
            CHECK(*alive == 7 && destroyed->count() == 0);
            CHECK_TEXT("hello", std::string(message.payload));
            returned.open();
        }));
        CHECK(returned.reached(1) && destroyed->reached(1));
        // The broker sends its message for the second subscription, too.
        CHECK(unsubscribed.reached(1) && second_destroyed->reached(1));
    }
    CHECK(destroyed->count() == 1 && second_destroyed->count() == 1);
}

// The other end of the connection says nothing, so that connect waits; all futures become ready with the client's end.
void futures_end_with_the_client(char **argv)
{
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    std::vector<std::future<Outcome>> pending;
    Gate asked;
    auto destroyed = gate();
    {
        Client client = new_client(argv);
        CHECK_OK(client.configure_connect_disconnect_timeout(deadline));
        CHECK_OK(client.configure_socket_factory([&](const char *, std::uint16_t, std::chrono::milliseconds) {
            asked.open();
            return ends[0];
        }));
        pending.push_back(client.connect_future());
        pending.push_back(client.publish_future("a", "queued", QoS::at_least_once));
        pending.push_back(client.publish_future("a", "queued", QoS::at_most_once));
        pending.push_back(client.subscribe_future("a", QoS::at_least_once, [alive = token(destroyed)](const Message &) {}));
        pending.push_back(client.unsubscribe_future("a"));
        CHECK(asked.reached(1));
        for (auto &future : pending)
            CHECK(future.wait_for(0s) == std::future_status::timeout);
    }
    for (auto &future : pending) {
        CHECK(future.wait_for(0s) == std::future_status::ready);
        CHECK_CODE(Code::cancelled, future.get());
    }
    CHECK(destroyed->count() == 1);
    CHECK(close(ends[1]) == 0);
}

// On one thread, which the application drives: the client ends in its own handler, and its loop may be gone before it.
void loop_and_client_end_in_a_handler(char **argv)
{
    auto destroyed = gate();
    auto loop = std::make_unique<aws_iot_mqtt::Loop>(aws_iot_mqtt::Loop::create().value());
    auto client = std::make_unique<Client>(configured(Client::create_in(*loop, "in-a-loop"), argv));
    std::future<Outcome> pending;
    bool returned = false;
    CHECK_OK(client->connect());
    // Not the waiting form: it would drive the loop, and the handler would run inside it.
    auto handler = [&, alive = token(destroyed)](const Message &) {
        pending = client->publish_future("out", "", QoS::at_least_once);
        client.reset();
        loop.reset();
        CHECK(*alive == 7 && destroyed->count() == 0);
        CHECK(pending.wait_for(0s) == std::future_status::timeout);
        returned = true;
    };
    CHECK_OK(client->subscribe_async("in", QoS::at_least_once, std::move(handler), {}));
    const int fd = loop->fd().value();
    const auto until = std::chrono::steady_clock::now() + deadline;
    while (!returned) {
        CHECK(std::chrono::steady_clock::now() < until);
        pollfd descriptor{fd, POLLIN, 0};
        CHECK(poll(&descriptor, 1, 1000) >= 0);
        CHECK_OK(loop->process());
    }
    CHECK(pending.wait_for(0s) == std::future_status::ready && destroyed->count() == 1);
    CHECK_CODE(Code::cancelled, pending.get());
}

void refused_subscriptions(char **argv)
{
    auto destroyed = gate();
    Client client = new_client(argv);
    CHECK_OK(client.configure_mqtt_operation_timeout(200ms));
    CHECK_OK(client.connect());
    auto handler = [&] { return [alive = token(destroyed)](const Message &) { FAIL("a message"); }; };
    // Not accepted: destroyed before the call returns.
    CHECK_CODE(Code::invalid_topic, client.subscribe("a#", QoS::at_least_once, handler()));
    CHECK(destroyed->count() == 1);
    // Accepted and ended: the library gives it back, once (the address sanitizer would see a second time).
    auto refused = client.subscribe("refused", QoS::at_least_once, handler());
    CHECK_CODE(Code::subscribe_refused, refused);
    CHECK(!refused.detail().empty() && destroyed->reached(2));
    CHECK_CODE(Code::timeout, client.subscribe("silent", QoS::at_least_once, handler()));
    CHECK(destroyed->reached(3));
    CHECK_CODE(Code::subscribe_refused, get(client.subscribe_future("refused", QoS::at_least_once, handler())));
    CHECK(destroyed->reached(4));
}

// As the library does for each attempt; descriptors and credentials that do not come are told by their numbers.
void providers(char **argv)
{
    auto destroyed = gate();
    Client client = new_client(argv);
    CHECK_OK(client.configure_socket_factory([alive = token(destroyed)](const char *host, std::uint16_t port, std::chrono::milliseconds left) {
        CHECK_TEXT("127.0.0.1", host);
        CHECK(port > 0 && left > 0ms && *alive == 7);
        return -1;
    }));
    CHECK_CODE(Code::socket_factory, client.connect());
    CHECK_OK(client.configure_socket_factory({}));
    CHECK(destroyed->reached(1));
    CHECK_OK(client.connect());

    aws_iot_mqtt::ClientOptions options;
    options.use_websocket = true;
    Client signing = std::move(Client::create("signing", options)).value();
    CHECK_OK(signing.configure_endpoint(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2]))));
    CHECK_OK(signing.configure_tls(false));
    CHECK_OK(signing.configure_region("eu-west-1"));
    CHECK_OK(signing.configure_iam_credentials_provider([alive = token(destroyed)](aws_iot_mqtt::CredentialsSink &sink, auto) {
        CHECK_CODE(Code::credentials, sink.set("AKID\n", "secret"));
        CHECK_OK(sink.set("AKID", "secret", "token", std::chrono::system_clock::now() + 1h));
        return 42;
    }));
    auto failed = signing.connect();
    CHECK_CODE(Code::credentials, failed);
    CHECK(failed.detail().find("42") != std::string::npos);
}

void arguments(char **)
{
    Client client = std::move(Client::create("")).value();
    const std::string_view with_nul("a\0b", 3);
    auto refused = client.configure_endpoint(with_nul, 8883);
    CHECK_CODE(Code::invalid_utf8, refused);
    CHECK_TEXT("host: holds a NUL character", refused.detail());
    CHECK_CODE(Code::invalid_utf8, Client::create(with_nul));
    CHECK_CODE(Code::invalid_utf8, client.publish(with_nul, "", QoS::at_least_once));
    CHECK_CODE(Code::invalid_utf8, aws_iot_mqtt::topic_matches("a", with_nul));
    CHECK(aws_iot_mqtt::topic_matches("a/+", "a/b").value() && !aws_iot_mqtt::topic_matches("a/+", "a").value());
    CHECK_CODE(Code::invalid_argument, client.configure_ping_timeout(-1ms));
    CHECK_CODE(Code::invalid_argument, client.configure_ping_timeout(1200h));
    CHECK_OK(client.configure_ping_timeout(1190h));
    CHECK_OK(client.configure_auto_reconnect_backoff_time(1s, 32s, 20s));
    CHECK_CODE(Code::invalid_argument, client.connect(-1s));
    CHECK_OK(client.configure_username_password("user", std::string()));
    CHECK_OK(client.configure_username_password(std::nullopt));
    CHECK_CODE(Code::invalid_argument, client.configure_username_password(std::nullopt, "password"));
    CHECK_CODE(Code::ca_file, client.configure_credentials_pem("no PEM"));
    CHECK_CODE(Code::not_configured, client.connect());
    // Longer than what is held without asking for memory.
    const std::string topic(1000, 'x');
    auto queued = client.publish(topic, "", QoS::at_least_once);
    CHECK_CODE(Code::queued, queued);
    CHECK(queued && queued.accepted() && !queued.ok());
    CHECK(client.stats()->queued == 1);
    aws_iot_mqtt::OperationId id = 0;
    auto pending = client.publish_future(topic, "", QoS::at_least_once, false, &id);
    CHECK_OK(client.cancel(id));
    CHECK_CODE(Code::cancelled, get(std::move(pending)));
    CHECK_CODE(Code::not_found, client.cancel(id));

    // Empty clients: refused, and nothing else.
    auto destroyed = gate();
    Client other = std::move(client);
    CHECK(other.stats()->queued == 1 && other.native_handle() != nullptr);
    CHECK_CODE(Code::invalid_argument, client.connect()); // NOLINT: moved from on purpose
    CHECK_CODE(Code::invalid_argument, Client().on_online([alive = token(destroyed)](bool) {}));
    CHECK(destroyed->count() == 1);
    CHECK_CODE(Code::invalid_argument, get(Client().connect_future()));
    auto waiting = other.publish_future("a", "", QoS::at_least_once);
    other = Client();
    CHECK_CODE(Code::cancelled, get(std::move(waiting)));
    CHECK_TEXT(AWS_IOT_MQTT_VERSION, aws_iot_mqtt::version());
}

#if defined(__cpp_exceptions)
// std::terminate, where it was thrown: the exception is still the current one, and no frame of the library was crossed.
void exception_in_a_handler(char **)
{
    std::set_terminate([] {
        try {
            std::rethrow_exception(std::current_exception());
        } catch (const std::runtime_error &error) {
            std::printf("terminated by: %s\n", error.what());
            std::fflush(stdout);
            std::_Exit(0);
        }
    });
    Client client = std::move(Client::create("")).value();
    CHECK_CODE(Code::queued, client.publish_async("a", "", QoS::at_least_once, false, [](const Outcome &) { throw std::runtime_error("a handler"); }));
    client = Client();
    FAIL("the exception was swallowed");
}
#else
void exception_in_a_handler(char **) {}
#endif

} // namespace

int main(int argc, char **argv)
{
    const Case cases[] = {{"destroyed_in_its_handler", destroyed_in_its_handler},
                          {"destroyed_outside", destroyed_outside},
                          {"replaced_in_its_handler", replaced_in_its_handler},
                          {"subscription_changed_in_its_handler", subscription_changed_in_its_handler},
                          {"futures_end_with_the_client", futures_end_with_the_client},
                          {"loop_and_client_end_in_a_handler", loop_and_client_end_in_a_handler},
                          {"refused_subscriptions", refused_subscriptions},
                          {"providers", providers},
                          {"arguments", arguments},
                          {"exception_in_a_handler", exception_in_a_handler}};
    return run_case(argc, argv, cases);
}
