// SPDX-License-Identifier: Apache-2.0
//
// MQTT client for AWS IoT, for C++17: aws_iot_mqtt.h with owners, string views, std::function, std::future and std::chrono. Header-only;
// link with the library as a C program does. This text and the parts below are the manual; what a function does with the broker is
// described in aws_iot_mqtt.h at the C function of its name, and holds here.
//
//     auto made = aws_iot_mqtt::Client::create("my-device");
//     if (!made) return complain(made);
//     aws_iot_mqtt::Client client = std::move(made).value();
//
//  1. Errors are values: Status, Result<T> (a Status with a value), Outcome (a Status with what the broker said), all [[nodiscard]]. They
//     convert to true if the call was accepted, done or queued; code() and detail() say more. Values and not exceptions, because
//     device software is often built without exceptions, because "queued" is neither success nor failure, and because an
//     operation may fail long after its call, on another thread, where nothing could catch. The wrapper throws nothing of its own; it
//     works with -fno-exceptions and -fno-rtti. (The standard library may throw std::bad_alloc.)
//  2. Text is std::string_view, in UTF-8; a NUL inside is refused with Code::invalid_utf8. OptionalText takes std::nullopt where C takes
//     NULL. Payloads, passwords and PEM texts are Bytes: strings, literals, vectors or arrays of bytes, or pointer and size. All
//     are copied before the call returns.
//  3. Handlers are std::function. An accepted call owns its handler until it was replaced or removed, its subscription has ended, its completion
//     has run, or the client ends; then it is destroyed, exactly once and never while it runs. A refused call destroys it before it
//     returns. Its destructor may run on a thread of the library and at the same time as another handler, so what it captured
//     must not mind, and must not throw. Captured references must outlive the client: make the client last. A handler must not
//     own its client (a std::shared_ptr of it): each would keep the other; a reference, or a std::weak_ptr, will do.
//  4. Threads. Handlers run on threads of the library, for one client one at a time and in order, with no lock held; the types SocketFactory,
//     CredentialsProvider, Signer and LogHandler say how they differ. Every function may be called inside them, blocking ones too.
//     Do not wait for a future of the same client inside a handler: it becomes ready in a later one, which waits for this. Clients in a
//     Loop have no threads: their handlers run on the thread that drives it.
//  5. The end inside a handler. A handler may destroy its own client, or move another into it: the call returns at once, the handler
//     runs on to its end, and then the pending operations end with Code::cancelled and the handlers are destroyed. That is after the
//     destructor has returned, so what those handlers captured by reference must live until then: let them share ownership instead.
//  6. Exceptions. One that leaves a handler ends the program with std::terminate, at the place where it was thrown, as one that leaves a
//     std::thread does: it cannot cross the library, which is not C++, and swallowing it would hide a bug. Catch inside.
//  7. Futures always become ready: at once with the call's own failure, otherwise with the one outcome of the operation, however long that
//     takes, and with Code::cancelled when the operation is cancelled or the client destroyed. A disconnect cancels a connect; what
//     it keeps for the next connection waits on. get() never throws, but with a client that was not destroyed it may wait long:
//     wait_for() has a limit. Throwing a future away gives up the answer and not the operation.
//  8. Durations are std::chrono; beyond 2^32-1 milliseconds, or negative, they are refused with Code::invalid_argument.
//  9. What a handler gets (Message, texts) is lent until it returns. Status and Outcome are copies of your own.
#ifndef AWS_IOT_MQTT_HPP
#define AWS_IOT_MQTT_HPP

#if !defined(__cplusplus) || (__cplusplus < 201703L && !(defined(_MSVC_LANG) && _MSVC_LANG >= 201703L))
#error "aws_iot_mqtt.hpp needs C++17; aws_iot_mqtt.h is for older standards"
#endif

#include <aws_iot_mqtt.h>

// Headers of two versions in one include path would compile and then do the wrong thing.
#define AWS_IOT_MQTT_HPP_VERSION_NUMBER 1000
#if AWS_IOT_MQTT_VERSION_NUMBER != AWS_IOT_MQTT_HPP_VERSION_NUMBER
#error "aws_iot_mqtt.h and aws_iot_mqtt.hpp are of different versions"
#endif

#include <aws_iot_mqtt/client.hpp>        // Client, topic_matches
#include <aws_iot_mqtt/configuration.hpp> // Client's configure_... functions
#include <aws_iot_mqtt/loop.hpp>          // Loop, for applications that have a loop of their own and no threads to spare
#include <aws_iot_mqtt/status.hpp>        // Code, Status, Result
#include <aws_iot_mqtt/types.hpp>         // QoS and other enums, Message, Outcome, the handlers' types

#endif
