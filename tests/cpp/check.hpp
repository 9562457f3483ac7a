// For the programs that test the C++ wrapper. Arguments as in tests/c/check.h: host, port, directory of certificates ("-": plain TCP), case.
// A check that fails says where and ends the program with 1. Nothing sleeps; every wait has a deadline.
#ifndef CHECK_HPP
#define CHECK_HPP

#include <aws_iot_mqtt.hpp>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

using aws_iot_mqtt::Client;
using aws_iot_mqtt::Code;
using aws_iot_mqtt::Message;
using aws_iot_mqtt::Outcome;
using aws_iot_mqtt::QoS;
using aws_iot_mqtt::Status;

inline constexpr std::chrono::seconds deadline{60};

#define FAIL(...) (std::fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), std::fprintf(stderr, __VA_ARGS__), std::fputs("\n", stderr), std::exit(1))
#define CHECK(condition) \
    do { \
        if (!(condition)) FAIL("%s", #condition); \
    } while (0)
#define CHECK_CODE(expected, call) \
    do { \
        const auto &status_ = (call); \
        if (status_.code() != (expected)) FAIL("%s: expected %s, got %s", #call, aws_iot_mqtt::name(expected), status_.text().c_str()); \
    } while (0)
#define CHECK_OK(call) CHECK_CODE(Code::ok, call)
#define CHECK_TEXT(expected, got) \
    do { \
        const std::string expected_ = (expected), got_ = (got); \
        if (expected_ != got_) FAIL("%s: expected \"%s\", got \"%s\"", #got, expected_.c_str(), got_.c_str()); \
    } while (0)

// Counts events; others wait until there were enough.
class Gate {
public:
    void open()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        count_++;
        changed_.notify_all();
    }
    bool reached(int count)
    {
        std::unique_lock<std::mutex> lock(mutex_);
        return changed_.wait_for(lock, deadline, [&] { return count_ >= count; });
    }
    int count()
    {
        std::lock_guard<std::mutex> lock(mutex_);
        return count_;
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int count_ = 0;
};

// Captured by a handler: opens the gate when the last copy of the handler is destroyed.
inline std::shared_ptr<int> token(std::shared_ptr<Gate> destroyed)
{
    return std::shared_ptr<int>(new int(7), [destroyed](int *number) {
        delete number;
        destroyed->open();
    });
}

template <typename T>
T get(std::future<T> future)
{
    if (future.wait_for(deadline) != std::future_status::ready)
        FAIL("the future does not become ready");
    return future.get();
}

inline Client configured(aws_iot_mqtt::Result<Client> made, char **argv)
{
    CHECK_OK(made);
    Client client = std::move(made).value();
    CHECK_OK(client.configure_endpoint(argv[1], static_cast<std::uint16_t>(std::atoi(argv[2]))));
    const std::string directory = argv[3];
    if (directory == "-")
        CHECK_OK(client.configure_tls(false));
    else
        CHECK_OK(client.configure_credentials(directory + "/ca.pem", directory + "/client.key", directory + "/client.pem"));
    return client;
}

inline Client new_client(char **argv, std::string_view id = "me")
{
    return configured(Client::create(id), argv);
}

inline Client connected_client(char **argv, std::string_view id = "me")
{
    Client client = new_client(argv, id);
    CHECK_OK(client.connect());
    return client;
}

struct Case {
    const char *name;
    void (*run)(char **argv);
};

template <std::size_t count>
int run_case(int argc, char **argv, const Case (&cases)[count])
{
    CHECK(argc > 4);
    for (const Case &one : cases) {
        if (std::string(one.name) == argv[4]) {
            one.run(argv);
            return 0;
        }
    }
    FAIL("no case %s", argv[4]);
    return 1;
}

#endif
