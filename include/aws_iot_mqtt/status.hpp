// SPDX-License-Identifier: Apache-2.0
// How the C++ interface reports success and failure. Part of <aws_iot_mqtt.hpp>; the manual begins there.
#ifndef AWS_IOT_MQTT_STATUS_HPP
#define AWS_IOT_MQTT_STATUS_HPP

#include <aws_iot_mqtt.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace aws_iot_mqtt {

// The outcome of a call. The numbers are those of aws_iot_mqtt_error, whose descriptions in aws_iot_mqtt.h hold here too. A newer
// library may return numbers that are not listed; treat them as failures.
enum class Code : int {
    ok = AWS_IOT_MQTT_OK,
    queued = AWS_IOT_MQTT_QUEUED,
    invalid_argument = AWS_IOT_MQTT_ERR_INVALID_ARGUMENT,
    invalid_utf8 = AWS_IOT_MQTT_ERR_INVALID_UTF8,
    invalid_topic = AWS_IOT_MQTT_ERR_INVALID_TOPIC,
    invalid_state = AWS_IOT_MQTT_ERR_INVALID_STATE,
    not_configured = AWS_IOT_MQTT_ERR_NOT_CONFIGURED,
    not_supported = AWS_IOT_MQTT_ERR_NOT_SUPPORTED,
    no_memory = AWS_IOT_MQTT_ERR_NO_MEMORY,
    would_deadlock = AWS_IOT_MQTT_ERR_WOULD_DEADLOCK,
    forked = AWS_IOT_MQTT_ERR_FORKED,
    stale = AWS_IOT_MQTT_ERR_STALE,
    not_found = AWS_IOT_MQTT_ERR_NOT_FOUND,
    internal = AWS_IOT_MQTT_ERR_INTERNAL,
    io = AWS_IOT_MQTT_ERR_IO,
    dns = AWS_IOT_MQTT_ERR_DNS,
    connection_refused = AWS_IOT_MQTT_ERR_CONNECTION_REFUSED,
    connection_lost = AWS_IOT_MQTT_ERR_CONNECTION_LOST,
    proxy = AWS_IOT_MQTT_ERR_PROXY,
    socket_factory = AWS_IOT_MQTT_ERR_SOCKET_FACTORY,
    ping_timeout = AWS_IOT_MQTT_ERR_PING_TIMEOUT,
    tls = AWS_IOT_MQTT_ERR_TLS,
    ca_file = AWS_IOT_MQTT_ERR_CA_FILE,
    certificate = AWS_IOT_MQTT_ERR_CERTIFICATE,
    private_key = AWS_IOT_MQTT_ERR_PRIVATE_KEY,
    peer_untrusted = AWS_IOT_MQTT_ERR_PEER_UNTRUSTED,
    ciphers = AWS_IOT_MQTT_ERR_CIPHERS,
    peer_name = AWS_IOT_MQTT_ERR_PEER_NAME,
    peer_expired = AWS_IOT_MQTT_ERR_PEER_EXPIRED,
    refused_by_peer = AWS_IOT_MQTT_ERR_REFUSED_BY_PEER,
    websocket = AWS_IOT_MQTT_ERR_WEBSOCKET,
    credentials = AWS_IOT_MQTT_ERR_CREDENTIALS,
    forbidden = AWS_IOT_MQTT_ERR_FORBIDDEN,
    protocol = AWS_IOT_MQTT_ERR_PROTOCOL,
    unacceptable_protocol_version = AWS_IOT_MQTT_ERR_UNACCEPTABLE_PROTOCOL_VERSION,
    identifier_rejected = AWS_IOT_MQTT_ERR_IDENTIFIER_REJECTED,
    server_unavailable = AWS_IOT_MQTT_ERR_SERVER_UNAVAILABLE,
    bad_username_or_password = AWS_IOT_MQTT_ERR_BAD_USERNAME_OR_PASSWORD,
    not_authorized = AWS_IOT_MQTT_ERR_NOT_AUTHORIZED,
    connect_refused = AWS_IOT_MQTT_ERR_CONNECT_REFUSED,
    subscribe_refused = AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED,
    packet_too_large = AWS_IOT_MQTT_ERR_PACKET_TOO_LARGE,
    refused_by_close = AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE,
    timeout = AWS_IOT_MQTT_ERR_TIMEOUT,
    offline = AWS_IOT_MQTT_ERR_OFFLINE,
    queue_full = AWS_IOT_MQTT_ERR_QUEUE_FULL,
    queue_disabled = AWS_IOT_MQTT_ERR_QUEUE_DISABLED,
    cancelled = AWS_IOT_MQTT_ERR_CANCELLED,
    dropped = AWS_IOT_MQTT_ERR_DROPPED,
};

// "AWS_IOT_MQTT_ERR_QUEUE_FULL", for logs.
[[nodiscard]] inline const char *name(Code code) noexcept { return aws_iot_mqtt_error_name(static_cast<int>(code)); }

// One English sentence about the code; the particular case is in Status::detail().
[[nodiscard]] inline const char *message(Code code) noexcept { return aws_iot_mqtt_error_message(static_cast<int>(code)); }

// The version of the library that is loaded. AWS_IOT_MQTT_VERSION is the one of the headers that the program was compiled with.
[[nodiscard]] inline const char *version() noexcept { return aws_iot_mqtt_version(); }

// What a call came to. It converts to true if the call was accepted: done (Code::ok), or kept and to be sent (Code::queued).
class [[nodiscard]] Status {
public:
    Status() noexcept = default;
    Status(Code code, std::string detail = {}) : code_(code), detail_(std::move(detail)) {}

    [[nodiscard]] Code code() const noexcept { return code_; }
    [[nodiscard]] bool ok() const noexcept { return code_ == Code::ok; }
    [[nodiscard]] bool queued() const noexcept { return code_ == Code::queued; }
    [[nodiscard]] bool accepted() const noexcept { return ok() || queued(); }
    explicit operator bool() const noexcept { return accepted(); }

    // What a person can act on, such as "certificate /a/b.pem: No such file or directory". Empty if the call was accepted.
    [[nodiscard]] const std::string &detail() const & noexcept { return detail_; }
    // Of a Status that nobody keeps, such as `client.connect().detail()`: a string of its own, not one that is gone.
    [[nodiscard]] std::string detail() && { return std::move(detail_); }

    // Name and detail in one line, for logs.
    [[nodiscard]] std::string text() const
    {
        std::string line = name(code_);
        return detail_.empty() ? line : line + ": " + detail_;
    }

private:
    Code code_ = Code::ok;
    std::string detail_;
};

// A Status, and a value where the call was accepted.
template <typename T>
class [[nodiscard]] Result : public Status {
public:
    Result(T value, Code code = Code::ok) : Status(code), value_(std::move(value)) {}
    Result(Status failure) : Status(std::move(failure)) {}

    // Whether the call was accepted. A Result<bool> does not convert: one would take it for the answer.
    explicit operator bool() const noexcept
    {
        static_assert(!std::is_same_v<T, bool>, "ask accepted() or value()");
        return accepted();
    }

    // The value. Asking a failed result for it is a bug of the caller: the program says why and aborts.
    [[nodiscard]] T &value() & { return there(), *value_; }
    [[nodiscard]] const T &value() const & { return there(), *value_; }
    [[nodiscard]] T value() && { return there(), std::move(*value_); }
    [[nodiscard]] T &operator*() & { return value(); }
    [[nodiscard]] const T &operator*() const & { return value(); }
    [[nodiscard]] T operator*() && { return std::move(*this).value(); }
    [[nodiscard]] T *operator->() { return &value(); }
    [[nodiscard]] const T *operator->() const { return &value(); }

private:
    void there() const
    {
        if (!value_) {
            std::fprintf(stderr, "aws_iot_mqtt: the value of a failed call was used: %s\n", text().c_str());
            std::abort();
        }
    }
    std::optional<T> value_;
};

namespace detail {

// What a C function has just returned on this thread.
inline Status status(aws_iot_mqtt_error error)
{
    const bool accepted = error == AWS_IOT_MQTT_OK || error == AWS_IOT_MQTT_QUEUED;
    return Status(static_cast<Code>(error), accepted ? "" : aws_iot_mqtt_last_error_detail());
}

} // namespace detail
} // namespace aws_iot_mqtt

#endif
