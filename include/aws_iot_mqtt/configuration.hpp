// SPDX-License-Identifier: Apache-2.0
// Everything about a client that can be configured. Part of <aws_iot_mqtt.hpp>; the manual begins there.
#ifndef AWS_IOT_MQTT_CONFIGURATION_HPP
#define AWS_IOT_MQTT_CONFIGURATION_HPP

#include <aws_iot_mqtt/handlers.hpp>

namespace aws_iot_mqtt {

// The part of Client that is configured. Values are checked at once. Unless it says otherwise, a function gives Code::invalid_state while a
// connection is wanted, that is, from connect to disconnect; "at any time" ones are used from the next attempt to connect on.
// Defaults, ranges and failures are described at the C function of the same name, aws_iot_mqtt_client_configure_...
class Configuration {
public:
    // ---- Where to connect, and as whom

    Status configure_endpoint(std::string_view host, std::uint16_t port)
    {
        return call(aws_iot_mqtt_client_configure_endpoint, Text{"host", host}, port);
    }
    // False: plain TCP, for a broker in the local network. Endpoints of AWS are refused then, by the end of their name: not custom domains.
    Status configure_tls(bool enabled) { return call(aws_iot_mqtt_client_configure_tls, enabled); }
    Status configure_minimum_tls_version(TlsVersion version)
    {
        return call(aws_iot_mqtt_client_configure_minimum_tls_version, version);
    }
    // An empty factory: the library connects by itself.
    Status configure_socket_factory(SocketFactory factory)
    {
        return set_handler(aws_iot_mqtt_client_configure_socket_factory, detail::make_socket, std::move(factory));
    }
    // At any time. Without a user name there is no password either [MQTT-3.1.2-22]; an empty password is one.
    Status configure_username_password(OptionalText username, std::optional<Bytes> password = std::nullopt)
    {
        // An empty container may have no data, and NULL would mean "no password".
        const void *data = !password ? nullptr : password->data() != nullptr ? password->data() : "";
        return call(aws_iot_mqtt_client_configure_username_password, Text{"username", username}, data,
                    password ? password->size() : std::size_t{0});
    }
    // At any time.
    Status configure_last_will(std::string_view topic, Bytes payload, QoS qos, bool retain = false)
    {
        return call(aws_iot_mqtt_client_configure_last_will, Text{"topic", topic}, payload.data(), payload.size(), qos, retain);
    }
    Status clear_last_will() { return call(aws_iot_mqtt_client_clear_last_will); }
    Status enable_metrics_collection() { return call(aws_iot_mqtt_client_enable_metrics_collection); }
    Status disable_metrics_collection() { return call(aws_iot_mqtt_client_disable_metrics_collection); }

    // ---- Certificates and keys. All of them at any time.

    // PEM files, read at once. Without `ca_path`: the CAs of the system. Without key and certificate: none is sent. Without
    // `ciphers`: the default list.
    Status configure_credentials(OptionalText ca_path, OptionalText key_path = std::nullopt, OptionalText certificate_path = std::nullopt,
                                 OptionalText ciphers = std::nullopt)
    {
        return call(aws_iot_mqtt_client_configure_credentials, Text{"ca_path", ca_path}, Text{"key_path", key_path},
                    Text{"certificate_path", certificate_path}, Text{"ciphers", ciphers});
    }
    // The same from memory. Default-made Bytes stand for "none".
    Status configure_credentials_pem(Bytes ca_pem, Bytes key_pem = {}, Bytes certificate_pem = {}, OptionalText ciphers = std::nullopt)
    {
        return call(aws_iot_mqtt_client_configure_credentials_pem, ca_pem.data(), ca_pem.size(), key_pem.data(), key_pem.size(),
                    certificate_pem.data(), certificate_pem.size(), Text{"ciphers", ciphers});
    }
    // For the calls of configure_credentials that follow. Default-made Bytes: forget it.
    Status configure_private_key_passphrase(Bytes passphrase)
    {
        return call(aws_iot_mqtt_client_configure_private_key_passphrase, passphrase.data(), passphrase.size());
    }
    // A private key that stays in its TPM, secure element or PKCS#11 token: `signer` signs with it.
    Status configure_private_key_callback(OptionalText ca_path, std::string_view certificate_path, SignatureForm form, Signer signer,
                                          OptionalText ciphers = std::nullopt)
    {
        auto handler = detail::registration(std::move(signer));
        return settled(handler, call(aws_iot_mqtt_client_configure_private_key_callback, Text{"ca_path", ca_path},
                                     Text{"certificate_path", certificate_path}, Text{"ciphers", ciphers}, form,
                                     callback(handler, detail::sign), handler.userdata(), handler.give_back));
    }
    Status configure_private_key_callback_pem(Bytes ca_pem, Bytes certificate_pem, SignatureForm form, Signer signer,
                                              OptionalText ciphers = std::nullopt)
    {
        auto handler = detail::registration(std::move(signer));
        return settled(handler, call(aws_iot_mqtt_client_configure_private_key_callback_pem, ca_pem.data(), ca_pem.size(),
                                     certificate_pem.data(), certificate_pem.size(), Text{"ciphers", ciphers}, form,
                                     callback(handler, detail::sign), handler.userdata(), handler.give_back));
    }

    // ---- Custom authorizers, proxies and ALPN

    // At any time.
    Status configure_custom_authorizer(OptionalText authorizer_name, OptionalText token_key_name = std::nullopt,
                                       OptionalText token = std::nullopt, OptionalText signature = std::nullopt)
    {
        return call(aws_iot_mqtt_client_configure_custom_authorizer, Text{"authorizer_name", authorizer_name},
                    Text{"token_key_name", token_key_name}, Text{"token", token}, Text{"signature", signature});
    }
    // "http://user:password@host:port" or "socks5h://..."; std::nullopt: no proxy.
    Status configure_proxy(OptionalText url) { return call(aws_iot_mqtt_client_configure_proxy, Text{"url", url}); }
    // Names separated by commas; std::nullopt: what AWS IoT expects; "": none.
    Status configure_alpn(OptionalText protocols) { return call(aws_iot_mqtt_client_configure_alpn, Text{"protocols", protocols}); }

    // ---- IAM credentials and signatures, for MQTT over WebSocket

    // At any time, as the next two. std::nullopt for all: removes configured ones.
    Status configure_iam_credentials(OptionalText access_key_id, OptionalText secret_access_key, OptionalText session_token = std::nullopt)
    {
        return call(aws_iot_mqtt_client_configure_iam_credentials, Text{"access_key_id", access_key_id},
                    Text{"secret_access_key", secret_access_key}, Text{"session_token", session_token});
    }
    // Asked before each attempt to connect. An empty one: the other sources are asked.
    Status configure_iam_credentials_provider(CredentialsProvider provider)
    {
        return set_handler(aws_iot_mqtt_client_configure_iam_credentials_provider, detail::provide_credentials, std::move(provider));
    }
    // std::nullopt for all and port 0: it is not asked.
    Status configure_iot_credentials_provider(OptionalText endpoint_host, std::uint16_t port, OptionalText role_alias,
                                              OptionalText thing_name = std::nullopt)
    {
        return call(aws_iot_mqtt_client_configure_iot_credentials_provider, Text{"endpoint_host", endpoint_host}, port,
                    Text{"role_alias", role_alias}, Text{"thing_name", thing_name});
    }
    Status configure_region(OptionalText region) { return call(aws_iot_mqtt_client_configure_region, Text{"region", region}); }
    Status configure_signing_service(OptionalText service)
    {
        return call(aws_iot_mqtt_client_configure_signing_service, Text{"service", service});
    }

    // ---- How long to wait, and how often to try

    // A connection that held for `stable` makes the next wait short again.
    Status configure_auto_reconnect_backoff_time(std::chrono::milliseconds base, std::chrono::milliseconds max,
                                                 std::chrono::milliseconds stable)
    {
        return call(aws_iot_mqtt_client_configure_auto_reconnect_backoff_time, Time{"base", base}, Time{"max", max}, Time{"stable", stable});
    }
    Status configure_connect_disconnect_timeout(std::chrono::milliseconds timeout)
    {
        return call(aws_iot_mqtt_client_configure_connect_disconnect_timeout, Time{"timeout", timeout});
    }
    Status configure_mqtt_operation_timeout(std::chrono::milliseconds timeout)
    {
        return call(aws_iot_mqtt_client_configure_mqtt_operation_timeout, Time{"timeout", timeout});
    }
    Status configure_retry_first_connect(bool enabled) { return call(aws_iot_mqtt_client_configure_retry_first_connect, enabled); }
    // 0: never on a live connection. What is overdue is also asked after with PINGREQ, with 0 after the ping time-out.
    Status configure_retransmit_interval(std::chrono::milliseconds interval)
    {
        return call(aws_iot_mqtt_client_configure_retransmit_interval, Time{"interval", interval});
    }
    Status configure_ping_timeout(std::chrono::milliseconds timeout)
    {
        return call(aws_iot_mqtt_client_configure_ping_timeout, Time{"timeout", timeout});
    }

    // ---- How much is kept and sent at once

    // A count, `unlimited_queue`, or 0 for none.
    Status configure_offline_publish_queueing(std::int64_t queue_size, DropBehavior drop_behavior = DropBehavior::newest)
    {
        return call(aws_iot_mqtt_client_configure_offline_publish_queueing, queue_size, drop_behavior);
    }
    // Operations a second, or `as_fast_as_possible`.
    Status configure_draining_frequency(double hz) { return call(aws_iot_mqtt_client_configure_draining_frequency, hz); }
    Status configure_in_flight_window(std::uint32_t publishes)
    {
        return call(aws_iot_mqtt_client_configure_in_flight_window, publishes);
    }
    Status configure_memory_limit(std::size_t bytes) { return call(aws_iot_mqtt_client_configure_memory_limit, bytes); }
    Status configure_max_packet_size(std::size_t bytes) { return call(aws_iot_mqtt_client_configure_max_packet_size, bytes); }
    // 0: no limit.
    Status configure_refused_by_close_limit(std::uint32_t closes)
    {
        return call(aws_iot_mqtt_client_configure_refused_by_close_limit, closes);
    }

protected:
    using Text = detail::Text;
    using Time = detail::Time;

    Configuration() noexcept = default;
    explicit Configuration(aws_iot_mqtt_client *handle) noexcept : handle_(handle) {}
    ~Configuration() = default;
    Configuration(Configuration &&) noexcept = default;
    Configuration &operator=(Configuration &&) noexcept = default;

    [[nodiscard]] aws_iot_mqtt_client *handle() const noexcept { return handle_.get(); }

    template <typename Function, typename... Arguments>
    Status call(Function function, const Arguments &...arguments) const
    {
        return detail::invoke(function, handle(), arguments...);
    }

    // The callback that goes with a registration: none where nothing is to be called.
    template <typename Handler, typename... Parameters, typename Return>
    static auto callback(const Handler &handler, Return (*function)(Parameters...) noexcept) noexcept -> Return (*)(Parameters...)
    {
        return handler.userdata() != nullptr ? function : nullptr;
    }

    template <typename Handler>
    static Status settled(Handler &handler, Status status)
    {
        handler.settle(status.code());
        return status;
    }

    template <typename Function, typename Callback, typename Callable>
    Status set_handler(Function function, Callback called, Callable callable)
    {
        auto handler = detail::registration(std::move(callable));
        return settled(handler, call(function, callback(handler, called), handler.userdata(), handler.give_back));
    }

private:
    struct Free {
        void operator()(aws_iot_mqtt_client *client) const noexcept { aws_iot_mqtt_client_free(client); }
    };
    std::unique_ptr<aws_iot_mqtt_client, Free> handle_;
};

} // namespace aws_iot_mqtt

#endif
