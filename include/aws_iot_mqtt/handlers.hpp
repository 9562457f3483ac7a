// SPDX-License-Identifier: Apache-2.0
// How C++ arguments and functions reach the C interface and come back. Part of <aws_iot_mqtt.hpp>; only for its other parts.
#ifndef AWS_IOT_MQTT_HANDLERS_HPP
#define AWS_IOT_MQTT_HANDLERS_HPP

#include <aws_iot_mqtt/types.hpp>

#include <future>
#include <limits>
#include <memory>

namespace aws_iot_mqtt {

// Takes the credentials that a CredentialsProvider gives; lent to it.
class CredentialsSink {
public:
    explicit CredentialsSink(aws_iot_mqtt_credentials_sink *sink) noexcept : sink_(sink) {}
    // The last call counts. Without `expires` the time is not known, or there is none.
    Status set(std::string_view access_key_id, std::string_view secret_access_key, OptionalText session_token = std::nullopt,
               std::optional<std::chrono::system_clock::time_point> expires = std::nullopt);

private:
    aws_iot_mqtt_credentials_sink *sink_;
};

namespace detail {

// ---- Arguments. A function takes its own kinds by `invoke`; these three kinds are looked at on the way.

// A text for a `const char *`; std::nullopt becomes NULL.
struct Text {
    const char *name; // for the detail of a refusal
    OptionalText text;
};

// A duration for a `uint32_t` of milliseconds.
struct Time {
    const char *name;
    std::chrono::milliseconds time;
};

// The C interface wants a NUL behind a text; short ones, which topics are, need no memory for that.
class HeldText {
public:
    explicit HeldText(const Text &text) : name_(text.name)
    {
        if (!text.text)
            return;
        if (text.text->find('\0') != std::string_view::npos)
            holds_nul_ = true;
        if (text.text->size() < sizeof small_) {
            text.text->copy(small_, text.text->size());
            small_[text.text->size()] = '\0';
            pointer_ = small_;
        } else {
            large_.assign(*text.text);
            pointer_ = large_.c_str();
        }
    }
    HeldText(const HeldText &) = delete;
    HeldText &operator=(const HeldText &) = delete;
    [[nodiscard]] const char *lower() const noexcept { return pointer_; }
    // C would take the text up to its NUL for the whole; MQTT forbids NUL in texts anyway [MQTT-1.5.3-2].
    void check(Status &refusal) const
    {
        if (holds_nul_)
            refusal = Status(Code::invalid_utf8, std::string(name_) + ": holds a NUL character");
    }

private:
    const char *name_;
    const char *pointer_ = nullptr;
    bool holds_nul_ = false;
    char small_[256];
    std::string large_;
};

class HeldTime {
public:
    explicit HeldTime(const Time &time) noexcept : time_(time) {}
    [[nodiscard]] std::uint32_t lower() const noexcept { return static_cast<std::uint32_t>(time_.time.count()); }
    void check(Status &refusal) const
    {
        if (time_.time.count() < 0 || time_.time.count() > std::numeric_limits<std::uint32_t>::max())
            refusal = Status(Code::invalid_argument, std::string(time_.name) + ": must be 0 to 4294967295 milliseconds, not " +
                                                         std::to_string(time_.time.count()));
    }

private:
    Time time_;
};

template <typename Value>
class HeldValue {
public:
    explicit HeldValue(Value value) noexcept : value_(value) {}
    [[nodiscard]] auto lower() const noexcept
    {
        if constexpr (std::is_enum_v<Value>)
            return static_cast<int>(value_);
        else
            return value_;
    }
    void check(Status &) const noexcept {}

private:
    Value value_;
};

inline HeldText hold(const Text &text) { return HeldText(text); }
inline HeldTime hold(const Time &time) { return HeldTime(time); }
template <typename Value>
HeldValue<Value> hold(const Value &value)
{
    return HeldValue<Value>(value);
}

template <typename Function, typename First, typename... Held>
Status invoke_held(Function function, First first, const Held &...held)
{
    Status refusal;
    (held.check(refusal), ...);
    return refusal ? status(function(first, held.lower()...)) : refusal;
}

template <typename Function, typename First, typename... Arguments>
Status invoke(Function function, First first, const Arguments &...arguments)
{
    return invoke_held(function, first, hold(arguments)...);
}

// ---- Ownership. What is called later lives on the heap, and the library gives it back through `userdata_free` exactly once, after its
// last use: never while it runs. So a handler may replace or remove itself, unsubscribe, and destroy its own client.

template <typename Callable>
class Registration {
public:
    explicit Registration(std::unique_ptr<Callable> callable) noexcept : callable_(std::move(callable)) {}
    [[nodiscard]] void *userdata() const noexcept { return callable_.get(); }
    static constexpr aws_iot_mqtt_userdata_free_fn give_back = [](void *userdata) { delete static_cast<Callable *>(userdata); };

    // Tells how the call ended that this was given to. The library has taken it if the call was accepted, and that is also so where a
    // synchronous operation was accepted and has failed then (rule 2 of aws_iot_mqtt.h). After a bug in the library nobody
    // knows: then losing a little memory is better than freeing it twice.
    void settle(Code code) noexcept
    {
        switch (code) {
        case Code::ok:
        case Code::queued:
        case Code::timeout:
        case Code::cancelled:
        case Code::dropped:
        case Code::refused_by_close:
        case Code::subscribe_refused:
        case Code::internal:
            (void)callable_.release();
            break;
        default:
            break;
        }
    }
    // Not taken by the library: still here.
    [[nodiscard]] Callable *kept() const noexcept { return callable_.get(); }

private:
    std::unique_ptr<Callable> callable_;
};

// An empty function is nothing to call: the C interface gets NULL and takes nothing.
template <typename Function>
Registration<Function> registration(Function function)
{
    return Registration<Function>(function ? std::make_unique<Function>(std::move(function)) : nullptr);
}

// ---- Callbacks. `noexcept`: an exception that leaves a handler ends the program with std::terminate, where it was thrown; it must
// not run through the frames of the library, which are not C++.

inline Status why(aws_iot_mqtt_error error, const char *detail) { return Status(static_cast<Code>(error), detail); }

inline void on_message(const aws_iot_mqtt_message *message, void *userdata) noexcept
{
    const Message lent{std::string_view(message->topic, message->topic_len),
                       std::string_view(reinterpret_cast<const char *>(message->payload), message->payload_len),
                       static_cast<QoS>(message->qos),
                       message->retain,
                       message->dup,
                       message->packet_id,
                       message->acknowledgement};
    (*static_cast<MessageHandler *>(userdata))(lent);
}

inline Outcome outcome(const aws_iot_mqtt_completion *completion)
{
    Outcome outcome(static_cast<Code>(completion->error), completion->detail);
    outcome.operation = completion->operation;
    outcome.packet_id = completion->packet_id;
    outcome.granted_qos = static_cast<QoS>(completion->granted_qos);
    outcome.session_present = completion->session_present;
    outcome.left = completion->left;
    return outcome;
}

inline void on_completion(const aws_iot_mqtt_completion *completion, void *userdata) noexcept
{
    (*static_cast<CompletionHandler *>(userdata))(outcome(completion));
}

inline void on_completion_of_future(const aws_iot_mqtt_completion *completion, void *userdata) noexcept
{
    static_cast<std::promise<Outcome> *>(userdata)->set_value(outcome(completion));
}

inline void on_online(bool session_present, void *userdata) noexcept { (*static_cast<OnlineHandler *>(userdata))(session_present); }

inline void on_offline(aws_iot_mqtt_error error, const char *detail, void *userdata) noexcept
{
    (*static_cast<OfflineHandler *>(userdata))(why(error, detail));
}

inline void on_connect_failed(aws_iot_mqtt_error error, const char *detail, int64_t next_attempt_ms, void *userdata) noexcept
{
    std::optional<std::chrono::milliseconds> next_attempt;
    if (next_attempt_ms >= 0)
        next_attempt = std::chrono::milliseconds(next_attempt_ms);
    (*static_cast<ConnectFailedHandler *>(userdata))(why(error, detail), next_attempt);
}

inline void on_outcome(uint64_t operation, int kind, const char *topic, aws_iot_mqtt_error error, const char *detail,
                       void *userdata) noexcept
{
    (*static_cast<OutcomeHandler *>(userdata))(operation, static_cast<OperationKind>(kind), topic, why(error, detail));
}

inline void on_log(int level, const char *line, void *userdata) noexcept
{
    (*static_cast<LogHandler *>(userdata))(static_cast<LogLevel>(level), line);
}

inline int make_socket(const char *host, uint16_t port, uint64_t remaining_ms, void *userdata) noexcept
{
    return (*static_cast<SocketFactory *>(userdata))(host, port, std::chrono::milliseconds(remaining_ms));
}

inline int provide_credentials(aws_iot_mqtt_credentials_sink *sink, uint64_t remaining_ms, void *userdata) noexcept
{
    CredentialsSink credentials(sink);
    return (*static_cast<CredentialsProvider *>(userdata))(credentials, std::chrono::milliseconds(remaining_ms));
}

inline int sign(const aws_iot_mqtt_signing_request *request, uint8_t *signature, size_t *signature_len, void *userdata) noexcept
{
    const SigningRequest lent{static_cast<SignatureScheme>(request->scheme), Bytes(request->digest, request->digest_len),
                              Bytes(request->message, request->message_len)};
    Signature room{signature, *signature_len, 0};
    const int result = (*static_cast<Signer *>(userdata))(lent, room);
    *signature_len = room.size;
    return result;
}

} // namespace detail

inline Status CredentialsSink::set(std::string_view access_key_id, std::string_view secret_access_key, OptionalText session_token,
                                   std::optional<std::chrono::system_clock::time_point> expires)
{
    using namespace std::chrono;
    const auto unix_secs = expires ? duration_cast<seconds>(expires->time_since_epoch()).count() : 0;
    return detail::invoke(aws_iot_mqtt_credentials_set, sink_, detail::Text{"access_key_id", access_key_id},
                          detail::Text{"secret_access_key", secret_access_key}, detail::Text{"session_token", session_token},
                          static_cast<std::uint64_t>(unix_secs));
}

} // namespace aws_iot_mqtt

#endif
