// SPDX-License-Identifier: Apache-2.0
// The values that go in and come out. Part of <aws_iot_mqtt.hpp>; the manual begins there.
#ifndef AWS_IOT_MQTT_TYPES_HPP
#define AWS_IOT_MQTT_TYPES_HPP

#include <aws_iot_mqtt/status.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <type_traits>

namespace aws_iot_mqtt {

enum class QoS : int {
    at_most_once = AWS_IOT_MQTT_QOS_0,  // QoS 0: sent, not acknowledged
    at_least_once = AWS_IOT_MQTT_QOS_1, // QoS 1: acknowledged, and sent again until it is
    none = AWS_IOT_MQTT_QOS_NONE,       // none was granted, or none is known yet
};
enum class Protocol : int { mqtt_3_1 = AWS_IOT_MQTT_PROTOCOL_3_1, mqtt_3_1_1 = AWS_IOT_MQTT_PROTOCOL_3_1_1 };
enum class TlsVersion : int { tls_1_2 = AWS_IOT_MQTT_TLS_1_2, tls_1_3 = AWS_IOT_MQTT_TLS_1_3 };
enum class DropBehavior : int { oldest = AWS_IOT_MQTT_DROP_OLDEST, newest = AWS_IOT_MQTT_DROP_NEWEST };
enum class LogLevel : int {
    error = AWS_IOT_MQTT_LOG_ERROR,
    warning = AWS_IOT_MQTT_LOG_WARNING,
    info = AWS_IOT_MQTT_LOG_INFO,
    debug = AWS_IOT_MQTT_LOG_DEBUG,
};
enum class State : int {
    idle = AWS_IOT_MQTT_STATE_IDLE,
    connecting = AWS_IOT_MQTT_STATE_CONNECTING,
    connected = AWS_IOT_MQTT_STATE_CONNECTED,
    draining = AWS_IOT_MQTT_STATE_DRAINING,
    reconnecting = AWS_IOT_MQTT_STATE_RECONNECTING,
    disconnecting = AWS_IOT_MQTT_STATE_DISCONNECTING,
};
enum class OperationKind : int {
    connect = AWS_IOT_MQTT_OPERATION_CONNECT,
    disconnect = AWS_IOT_MQTT_OPERATION_DISCONNECT,
    publish = AWS_IOT_MQTT_OPERATION_PUBLISH,
    subscribe = AWS_IOT_MQTT_OPERATION_SUBSCRIBE,
    unsubscribe = AWS_IOT_MQTT_OPERATION_UNSUBSCRIBE,
};
enum class SignatureForm : int { der = AWS_IOT_MQTT_SIGNATURE_DER, raw = AWS_IOT_MQTT_SIGNATURE_RAW };
enum class SignatureScheme : int {
    rsa_pkcs1_sha256 = AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA256,
    rsa_pkcs1_sha384 = AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA384,
    rsa_pkcs1_sha512 = AWS_IOT_MQTT_SCHEME_RSA_PKCS1_SHA512,
    rsa_pss_sha256 = AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA256,
    rsa_pss_sha384 = AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA384,
    rsa_pss_sha512 = AWS_IOT_MQTT_SCHEME_RSA_PSS_SHA512,
    ecdsa_p256_sha256 = AWS_IOT_MQTT_SCHEME_ECDSA_P256_SHA256,
    ecdsa_p384_sha384 = AWS_IOT_MQTT_SCHEME_ECDSA_P384_SHA384,
    ecdsa_p521_sha512 = AWS_IOT_MQTT_SCHEME_ECDSA_P521_SHA512,
};

inline constexpr std::chrono::seconds default_keep_alive{AWS_IOT_MQTT_KEEP_ALIVE_DEFAULT_SECS};
inline constexpr std::int64_t unlimited_queue = AWS_IOT_MQTT_QUEUE_UNLIMITED;
inline constexpr double as_fast_as_possible = AWS_IOT_MQTT_DRAINING_AS_FAST_AS_POSSIBLE;

// A text that may be missing: std::nullopt where the C function takes NULL.
using OptionalText = std::optional<std::string_view>;

// Bytes to be read during a call: made from a string, a string literal (without its NUL), or any contiguous container of bytes.
class Bytes {
public:
    constexpr Bytes() noexcept = default;
    constexpr Bytes(const void *data, std::size_t size) noexcept : data_(data), size_(size) {}
    Bytes(const char *text) noexcept : data_(text), size_(text == nullptr ? 0 : std::strlen(text)) {}
    template <typename Container, typename = std::enable_if_t<std::is_class_v<Container>>,
              typename Element = std::remove_pointer_t<decltype(std::data(std::declval<const Container &>()))>>
    Bytes(const Container &container) noexcept : data_(std::data(container)), size_(std::size(container))
    {
        static_assert(sizeof(Element) == 1 && std::is_trivially_copyable_v<Element>, "a payload is made of bytes");
    }
    [[nodiscard]] const void *data() const noexcept { return data_; }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    const void *data_ = nullptr;
    std::size_t size_ = 0;
};

// Names an asynchronous operation, for Client::cancel(). Never reused, and not the packet id.
using OperationId = std::uint64_t;

// A message that came in. Everything in it is lent: copy what you need after the handler has returned.
struct Message {
    std::string_view topic;
    std::string_view payload; // any bytes
    QoS qos;
    bool retain;                   // kept by the broker from before the subscription [MQTT-3.3.1-8]
    bool dup;                      // the broker says it sent this before; do not depend on it
    std::uint16_t packet_id;       // 0 for QoS 0
    std::uint64_t acknowledgement; // what Client::acknowledge() takes; 0 for QoS 0. It may be kept after the handler
};

// The one outcome of an asynchronous operation, as a Status with what the broker said. Never Code::queued.
struct Outcome : Status {
    using Status::Status;
    OperationId operation = 0;
    std::uint16_t packet_id = 0;  // the packet identifier that it had last; 0 if none
    QoS granted_qos = QoS::none;  // of a subscribe that was granted
    bool session_present = false; // of a connect: whether the broker had kept the session
    std::size_t left = 0;         // of a disconnect: how many operations are kept for the next connection
};

// Of an asynchronous call that was accepted: see the Status beside it for whether it was queued.
using Accepted = Result<OperationId>;

// What Client::stats() tells; the fields are described at aws_iot_mqtt_stats.
using Stats = aws_iot_mqtt_stats;

// What a private key is to sign; lent. The fields are described at aws_iot_mqtt_signing_request.
struct SigningRequest {
    SignatureScheme scheme;
    Bytes digest;
    Bytes message;
};

// Room for a signature; lent. Write at most `capacity` bytes to `data` and say in `size` how many.
struct Signature {
    std::uint8_t *data;
    std::size_t capacity;
    std::size_t size;
};

// ---- What may be handed over to be called. All of them run on threads of the library; the manual in <aws_iot_mqtt.hpp> says more.

using MessageHandler = std::function<void(const Message &)>;
using CompletionHandler = std::function<void(const Outcome &)>;
using OnlineHandler = std::function<void(bool session_present)>;
// Code::cancelled after a disconnect of the application or when the client ends, and why the connection ended otherwise.
using OfflineHandler = std::function<void(const Status &why)>;
// When the next attempt comes; std::nullopt if there will be none.
using ConnectFailedHandler = std::function<void(const Status &why, std::optional<std::chrono::milliseconds> next_attempt)>;
// How an operation ended that had returned Code::queued and has no completion. Its topic or filter is lent.
using OutcomeHandler = std::function<void(OperationId, OperationKind, std::string_view topic, const Status &)>;
// Runs on any thread, on several at a time, with locks of the library held: it must be quick and must not call the library.
using LogHandler = std::function<void(LogLevel, std::string_view line)>;

// The next three run on a thread of their own, at most one of each at a time for one client; a blocking call on the same client inside
// them gives Code::would_deadlock. Return before `remaining` has passed.

// Gives a connected descriptor, which the library owns from then on, or -1. `host` is lent and ends with a NUL.
using SocketFactory = std::function<int(const char *host, std::uint16_t port, std::chrono::milliseconds remaining)>;
// Calls CredentialsSink::set() and returns 0; any other number fails the attempt to connect, and its detail names the number.
class CredentialsSink;
using CredentialsProvider = std::function<int(CredentialsSink &, std::chrono::milliseconds remaining)>;
// Signs and returns 0; any other number fails the attempt to connect, and its detail names the number.
using Signer = std::function<int(const SigningRequest &, Signature &)>;

} // namespace aws_iot_mqtt

#endif
