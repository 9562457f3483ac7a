// SPDX-License-Identifier: Apache-2.0
// The loop of an application without threads to spare. Part of <aws_iot_mqtt.hpp>; the manual begins there.
#ifndef AWS_IOT_MQTT_LOOP_HPP
#define AWS_IOT_MQTT_LOOP_HPP

#include <aws_iot_mqtt/status.hpp>

#include <chrono>
#include <memory>
#include <optional>

namespace aws_iot_mqtt {

// Clients made in it by Client::create_in() have no threads of the library: wait until fd() is readable, and call process(). The rules are
// those of aws_iot_mqtt_loop_new(). Do not wait for a future of such a client on the loop's thread: nobody would make it ready.
// Owns the loop; may be moved and not copied. Make it first, so that it is destroyed after its clients.
class Loop {
public:
    Loop() noexcept = default;

    [[nodiscard]] static Result<Loop> create()
    {
        aws_iot_mqtt_loop *made = nullptr;
        Status status = detail::status(aws_iot_mqtt_loop_new(&made));
        return status ? Result<Loop>(Loop(made)) : Result<Loop>(std::move(status));
    }

    // The one descriptor to wait for, level-triggered; the same as long as the loop is there.
    [[nodiscard]] Result<int> fd() const
    {
        int fd = -1;
        Status status = detail::status(aws_iot_mqtt_loop_fd(native_handle(), &fd));
        return status ? Result<int>(fd) : Result<int>(std::move(status));
    }
    // How long until something is due although nothing comes in; nothing: the descriptor alone tells. Its times make it readable, too.
    [[nodiscard]] Result<std::optional<std::chrono::milliseconds>> timeout() const
    {
        using Timeout = std::optional<std::chrono::milliseconds>;
        int ms = -1;
        Status status = detail::status(aws_iot_mqtt_loop_timeout_ms(native_handle(), &ms));
        if (!status)
            return Result<Timeout>(std::move(status));
        return Result<Timeout>(ms < 0 ? Timeout() : Timeout(ms));
    }
    // Does what is ready, handlers included, and never waits. The calling thread becomes the loop's thread.
    Status process() const { return detail::status(aws_iot_mqtt_loop_process(native_handle())); }

    // For functions of aws_iot_mqtt.h beside these; nullptr if empty. Do not free it.
    [[nodiscard]] aws_iot_mqtt_loop *native_handle() const noexcept { return handle_.get(); }

private:
    explicit Loop(aws_iot_mqtt_loop *handle) noexcept : handle_(handle) {}

    struct Free {
        void operator()(aws_iot_mqtt_loop *loop) const noexcept { aws_iot_mqtt_loop_free(loop); }
    };
    std::unique_ptr<aws_iot_mqtt_loop, Free> handle_;
};

} // namespace aws_iot_mqtt

#endif
