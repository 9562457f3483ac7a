// SPDX-License-Identifier: Apache-2.0
// The client: connecting, publishing, subscribing, events. Part of <aws_iot_mqtt.hpp>; the manual begins there.
#ifndef AWS_IOT_MQTT_CLIENT_HPP
#define AWS_IOT_MQTT_CLIENT_HPP

#include <aws_iot_mqtt/configuration.hpp>
#include <aws_iot_mqtt/loop.hpp>

namespace aws_iot_mqtt {

struct ClientOptions {
    Protocol protocol = Protocol::mqtt_3_1_1;
    bool use_websocket = false; // MQTT over WebSocket, on port 443 in AWS IoT
    bool clean_session = true;  // false: the broker keeps subscriptions and messages until the client id connects again
};

// Whether a topic filter matches a topic name, as the client decides it for incoming messages.
[[nodiscard]] inline Result<bool> topic_matches(std::string_view filter, std::string_view topic)
{
    bool matches = false;
    auto ask = [&](std::nullptr_t, const char *f, const char *t) { return aws_iot_mqtt_topic_matches(f, t, &matches); };
    const Status status = detail::invoke(ask, nullptr, detail::Text{"filter", filter}, detail::Text{"topic", topic});
    return status ? Result<bool>(matches) : Result<bool>(status);
}

// One MQTT client: owns it, may be moved and not copied. A client that was moved from, or default-made, is empty, and each call on it
// gives Code::invalid_argument. Its functions may be called on any thread, several at a time; moving and destroying may not
// happen at the same time as a call (they are changes of the object itself).
class Client : public Configuration {
public:
    Client() noexcept = default;
    Client(Client &&) noexcept = default;
    // Ends the client that was here before, as the destructor does.
    Client &operator=(Client &&) noexcept = default;
    // Closes the connection at once, without DISCONNECT (so the broker publishes the last will) and without sending what is queued;
    // disconnect() first to part in an orderly way. Whatever is pending ends with Code::cancelled: handlers are told, futures become
    // ready. Outside handlers it returns when all handlers of this client have run and are destroyed. Inside a handler, of
    // whatever client, it returns at once, and that happens after the handler has returned.
    ~Client() = default;

    // Makes a client. "" as id: one of its own, which suits clean sessions only.
    [[nodiscard]] static Result<Client> create(std::string_view client_id, const ClientOptions &options = {})
    {
        return made_by([](auto... arguments) { return aws_iot_mqtt_client_new(arguments...); }, client_id, options);
    }
    // Makes a client that has no threads: the application drives it in this loop.
    [[nodiscard]] static Result<Client> create_in(const Loop &loop, std::string_view client_id, const ClientOptions &options = {})
    {
        auto make = [&](auto... arguments) { return aws_iot_mqtt_client_new_in_loop(loop.native_handle(), arguments...); };
        return made_by(make, client_id, options);
    }

    // For functions of aws_iot_mqtt.h beside these; nullptr if empty. Do not free it.
    [[nodiscard]] aws_iot_mqtt_client *native_handle() const noexcept { return handle(); }

    // ---- Connect and disconnect

    // Waits for the broker's answer; from then on the client reconnects by itself until disconnect(). The online handler may run a
    // little after it has returned. The C header says which keep alive AWS IoT takes; 0: none, and an idle client never notices a dead link.
    Status connect(std::chrono::seconds keep_alive = default_keep_alive)
    {
        return call(aws_iot_mqtt_client_connect, keep_alive_secs(keep_alive));
    }
    // Starts to, and tells the completion how it ended. An empty completion: nobody is told but the online and connect_failed handlers.
    Accepted connect_async(std::chrono::seconds keep_alive, CompletionHandler completion)
    {
        return complete(std::move(completion), aws_iot_mqtt_client_connect_async, keep_alive_secs(keep_alive));
    }
    [[nodiscard]] std::future<Outcome> connect_future(std::chrono::seconds keep_alive = default_keep_alive, OperationId *id = nullptr)
    {
        return promise(id, aws_iot_mqtt_client_connect_async, keep_alive_secs(keep_alive));
    }
    // Waits until what was sent is acknowledged, and says DISCONNECT. Gives how many operations are kept for the next connection.
    // The offline handler may run a little after it has returned.
    Result<std::size_t> disconnect()
    {
        std::size_t left = 0;
        return with(call(aws_iot_mqtt_client_disconnect, &left), left);
    }
    Accepted disconnect_async(CompletionHandler completion)
    {
        return complete(std::move(completion), aws_iot_mqtt_client_disconnect_async);
    }
    [[nodiscard]] std::future<Outcome> disconnect_future() { return promise(nullptr, aws_iot_mqtt_client_disconnect_async); }
    // The network has changed, or new credentials are to be used now.
    Status reconnect() { return call(aws_iot_mqtt_client_reconnect); }

    // ---- Publish

    // Code::ok: acknowledged by the broker; for QoS 0: on its way behind everything before it. Code::queued: there is no connection, or the
    // queue is draining; kept and sent later, and the outcome handler tells how it ends.
    Status publish(std::string_view topic, Bytes payload, QoS qos, bool retain = false)
    {
        return call(aws_iot_mqtt_client_publish, Text{"topic", topic}, payload.data(), payload.size(), qos, retain);
    }
    // Returns at once; kept until it has an outcome, through reconnections.
    Accepted publish_async(std::string_view topic, Bytes payload, QoS qos, bool retain, CompletionHandler completion)
    {
        return complete(std::move(completion), aws_iot_mqtt_client_publish_async, Text{"topic", topic}, payload.data(), payload.size(), qos,
                        retain);
    }
    [[nodiscard]] std::future<Outcome> publish_future(std::string_view topic, Bytes payload, QoS qos, bool retain = false,
                                                      OperationId *id = nullptr)
    {
        return promise(id, aws_iot_mqtt_client_publish_async, Text{"topic", topic}, payload.data(), payload.size(), qos, retain);
    }
    // Gives up an operation that has no outcome yet: it ends with Code::cancelled. Of one that was sent the broker may have it.
    Status cancel(OperationId operation) { return call(aws_iot_mqtt_client_cancel, operation); }

    // ---- Subscribe

    // Waits for the broker's answer and gives the QoS that it granted; QoS::none with Code::queued. The client subscribes again after
    // reconnections. The same filter again replaces QoS and handler. An empty handler: only the message handler gets the messages.
    Result<QoS> subscribe(std::string_view filter, QoS qos, MessageHandler handler)
    {
        return subscribe_with(aws_iot_mqtt_client_subscribe, filter, qos, std::move(handler));
    }
    Accepted subscribe_async(std::string_view filter, QoS qos, MessageHandler handler, CompletionHandler completion)
    {
        return subscribe_async_with(aws_iot_mqtt_client_subscribe_async, filter, qos, std::move(handler),
                                    detail::registration(std::move(completion)), detail::on_completion);
    }
    [[nodiscard]] std::future<Outcome> subscribe_future(std::string_view filter, QoS qos, MessageHandler handler, OperationId *id = nullptr)
    {
        return subscribe_future_with(aws_iot_mqtt_client_subscribe_async, filter, qos, std::move(handler), id);
    }
    // The same three, but the QoS 1 messages are acknowledged by the application, with acknowledge().
    Result<QoS> subscribe_manual_acknowledge(std::string_view filter, QoS qos, MessageHandler handler)
    {
        return subscribe_with(aws_iot_mqtt_client_subscribe_manual_acknowledge, filter, qos, std::move(handler));
    }
    Accepted subscribe_manual_acknowledge_async(std::string_view filter, QoS qos, MessageHandler handler, CompletionHandler completion)
    {
        return subscribe_async_with(aws_iot_mqtt_client_subscribe_manual_acknowledge_async, filter, qos, std::move(handler),
                                    detail::registration(std::move(completion)), detail::on_completion);
    }
    [[nodiscard]] std::future<Outcome> subscribe_manual_acknowledge_future(std::string_view filter, QoS qos, MessageHandler handler,
                                                                           OperationId *id = nullptr)
    {
        return subscribe_future_with(aws_iot_mqtt_client_subscribe_manual_acknowledge_async, filter, qos, std::move(handler), id);
    }
    // Takes Message::acknowledgement, inside the handler or later, on any thread. Code::stale: the connection that brought it is gone.
    Status acknowledge(std::uint64_t acknowledgement) { return call(aws_iot_mqtt_client_acknowledge, acknowledgement); }

    // Messages that came before still reach the handler; it is destroyed behind the last one.
    Status unsubscribe(std::string_view filter) { return call(aws_iot_mqtt_client_unsubscribe, Text{"filter", filter}); }
    Accepted unsubscribe_async(std::string_view filter, CompletionHandler completion)
    {
        return complete(std::move(completion), aws_iot_mqtt_client_unsubscribe_async, Text{"filter", filter});
    }
    [[nodiscard]] std::future<Outcome> unsubscribe_future(std::string_view filter, OperationId *id = nullptr)
    {
        return promise(id, aws_iot_mqtt_client_unsubscribe_async, Text{"filter", filter});
    }

    // ---- Events. Each call replaces the handler before it; an empty one removes it.

    // Every connection that the broker accepts. Online and offline strictly alternate.
    Status on_online(OnlineHandler handler) { return set_handler(aws_iot_mqtt_client_on_online, detail::on_online, std::move(handler)); }
    Status on_offline(OfflineHandler handler) { return set_handler(aws_iot_mqtt_client_on_offline, detail::on_offline, std::move(handler)); }
    // Every message, after the handlers of the subscriptions that match it; those that match none come here only.
    Status on_message(MessageHandler handler) { return set_handler(aws_iot_mqtt_client_on_message, detail::on_message, std::move(handler)); }
    Status on_connect_failed(ConnectFailedHandler handler)
    {
        return set_handler(aws_iot_mqtt_client_on_connect_failed, detail::on_connect_failed, std::move(handler));
    }
    Status on_outcome(OutcomeHandler handler) { return set_handler(aws_iot_mqtt_client_on_outcome, detail::on_outcome, std::move(handler)); }
    Status on_log(LogLevel level, LogHandler handler)
    {
        auto taken = detail::registration(std::move(handler));
        return settled(taken, call(aws_iot_mqtt_client_on_log, level, callback(taken, detail::on_log), taken.userdata(), taken.give_back));
    }

    // ---- State and statistics

    [[nodiscard]] Result<State> state() const
    {
        int state = 0;
        Status status = call(aws_iot_mqtt_client_state, &state);
        return with(std::move(status), static_cast<State>(state));
    }
    [[nodiscard]] Result<Stats> stats() const
    {
        Stats stats{};
        Status status = call(aws_iot_mqtt_client_stats, &stats, sizeof stats);
        return with(std::move(status), stats);
    }

private:
    explicit Client(aws_iot_mqtt_client *handle) noexcept : Configuration(handle) {}

    template <typename Make>
    static Result<Client> made_by(const Make &make, std::string_view client_id, const ClientOptions &options)
    {
        aws_iot_mqtt_client *made = nullptr;
        const detail::HeldText id(detail::Text{"client_id", client_id});
        Status status;
        id.check(status);
        if (status)
            status = detail::status(
                make(id.lower(), static_cast<int>(options.protocol), options.use_websocket, options.clean_session, &made));
        return status ? Result<Client>(Client(made)) : Result<Client>(std::move(status));
    }

    // What does not fit is refused by the library, as is everything above 65535.
    static std::uint32_t keep_alive_secs(std::chrono::seconds keep_alive) noexcept
    {
        const auto secs = keep_alive.count();
        return secs < 0 || secs > 65535 ? 65536 : static_cast<std::uint32_t>(secs);
    }

    template <typename Value>
    static Result<Value> with(Status status, Value value)
    {
        return status ? Result<Value>(std::move(value), status.code()) : Result<Value>(std::move(status));
    }

    template <typename Function, typename... Arguments>
    Accepted complete(CompletionHandler completion, Function function, const Arguments &...arguments)
    {
        auto handler = detail::registration(std::move(completion));
        OperationId id = 0;
        Status status = settled(handler, call(function, arguments..., callback(handler, detail::on_completion), handler.userdata(),
                                              handler.give_back, &id));
        return with(std::move(status), id);
    }

    // A call that is not accepted makes the future ready at once, with its Status; every other one becomes ready by its completion.
    static void settle_future(detail::Registration<std::promise<Outcome>> &promise, Status status)
    {
        promise.settle(status.code());
        if (std::promise<Outcome> *kept = promise.kept())
            kept->set_value(Outcome(status.code(), status.detail()));
    }

    template <typename Function, typename... Arguments>
    std::future<Outcome> promise(OperationId *id, Function function, const Arguments &...arguments)
    {
        detail::Registration<std::promise<Outcome>> promise(std::make_unique<std::promise<Outcome>>());
        std::future<Outcome> future = static_cast<std::promise<Outcome> *>(promise.userdata())->get_future();
        settle_future(promise, call(function, arguments..., callback(promise, detail::on_completion_of_future), promise.userdata(),
                                    promise.give_back, id));
        return future;
    }

    template <typename Function>
    Result<QoS> subscribe_with(Function function, std::string_view filter, QoS qos, MessageHandler handler)
    {
        auto messages = detail::registration(std::move(handler));
        std::uint8_t granted = AWS_IOT_MQTT_QOS_NONE;
        Status status = settled(messages, call(function, Text{"filter", filter}, qos, callback(messages, detail::on_message),
                                               messages.userdata(), messages.give_back, &granted));
        return with(std::move(status), static_cast<QoS>(granted));
    }

    template <typename Function, typename Completion, typename Completed>
    Accepted subscribe_async_with(Function function, std::string_view filter, QoS qos, MessageHandler handler,
                                  detail::Registration<Completion> completion, Completed completed)
    {
        OperationId id = 0;
        Status status = subscribe_both(function, filter, qos, std::move(handler), completion, completed, &id);
        completion.settle(status.code());
        return with(std::move(status), id);
    }

    template <typename Function>
    std::future<Outcome> subscribe_future_with(Function function, std::string_view filter, QoS qos, MessageHandler handler, OperationId *id)
    {
        detail::Registration<std::promise<Outcome>> promise(std::make_unique<std::promise<Outcome>>());
        std::future<Outcome> future = static_cast<std::promise<Outcome> *>(promise.userdata())->get_future();
        settle_future(promise, subscribe_both(function, filter, qos, std::move(handler), promise, detail::on_completion_of_future, id));
        return future;
    }

    template <typename Function, typename Completion, typename Completed>
    Status subscribe_both(Function function, std::string_view filter, QoS qos, MessageHandler handler, const Completion &completion,
                          Completed completed, OperationId *id)
    {
        auto messages = detail::registration(std::move(handler));
        return settled(messages, call(function, Text{"filter", filter}, qos, callback(completion, completed), completion.userdata(),
                                      completion.give_back, callback(messages, detail::on_message), messages.userdata(),
                                      messages.give_back, id));
    }
};

} // namespace aws_iot_mqtt

#endif
