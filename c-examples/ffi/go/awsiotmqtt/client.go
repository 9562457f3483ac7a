// Package awsiotmqtt uses libaws_iot_mqtt by cgo.
//
// C keeps no pointer into Go's memory, which the garbage collector would not know of: a callback's userdata is a cgo.Handle, a number, that is
// deleted when the library gives it back.
package awsiotmqtt

/*
#cgo LDFLAGS: -laws_iot_mqtt
#include <aws_iot_mqtt.h>
#include <stdint.h>
#include <stdlib.h>

// In callbacks.go. Go knows no const.
extern void goCompletion(aws_iot_mqtt_completion *, uintptr_t);
extern void goMessage(aws_iot_mqtt_message *, uintptr_t);
extern void goOnline(bool, uintptr_t);
extern void goOffline(aws_iot_mqtt_error, char *, uintptr_t);
extern void goFree(uintptr_t);

static void completed(const aws_iot_mqtt_completion *lent, void *u) { goCompletion((aws_iot_mqtt_completion *)lent, (uintptr_t)u); }
static void arrived(const aws_iot_mqtt_message *lent, void *u) { goMessage((aws_iot_mqtt_message *)lent, (uintptr_t)u); }
static void online(bool session_present, void *u) { goOnline(session_present, (uintptr_t)u); }
static void offline(aws_iot_mqtt_error error, const char *detail, void *u) { goOffline(error, (char *)detail, (uintptr_t)u); }
static void given_back(void *u) { goFree((uintptr_t)u); }

// The numbers become userdata here, because Go must not hold a number in a variable for pointers.
static aws_iot_mqtt_error connect_async(aws_iot_mqtt_client *c, uint32_t keep_alive_secs, uintptr_t u) {
    return aws_iot_mqtt_client_connect_async(c, keep_alive_secs, completed, (void *)u, given_back, NULL);
}
static aws_iot_mqtt_error publish_async(aws_iot_mqtt_client *c, const char *topic, const void *payload, size_t payload_len, int qos, bool retain, uintptr_t u) {
    return aws_iot_mqtt_client_publish_async(c, topic, payload, payload_len, qos, retain, completed, (void *)u, given_back, NULL);
}
static aws_iot_mqtt_error subscribe(aws_iot_mqtt_client *c, const char *filter, int qos, uintptr_t u, uint8_t *granted) {
    return aws_iot_mqtt_client_subscribe(c, filter, qos, arrived, (void *)u, given_back, granted);
}
static aws_iot_mqtt_error on_online(aws_iot_mqtt_client *c, uintptr_t u) {
    return aws_iot_mqtt_client_on_online(c, online, (void *)u, given_back);
}
static aws_iot_mqtt_error on_offline(aws_iot_mqtt_client *c, uintptr_t u) {
    return aws_iot_mqtt_client_on_offline(c, offline, (void *)u, given_back);
}
*/
import "C"

import (
	"errors"
	"runtime"
	"runtime/cgo"
	"strings"
	"time"
	"unsafe"
)

// QoS of a message or subscription.
type QoS int

const (
	AtMostOnce  QoS = C.AWS_IOT_MQTT_QOS_0
	AtLeastOnce QoS = C.AWS_IOT_MQTT_QOS_1
)

// Error is a failure that the library tells.
type Error struct {
	Code   int    // aws_iot_mqtt_error
	Name   string // such as AWS_IOT_MQTT_ERR_QUEUE_FULL
	Detail string // what a person can act on
}

func (e *Error) Error() string { return e.Name + ": " + e.Detail }

func newError(code C.aws_iot_mqtt_error, detail string) *Error {
	return &Error{Code: int(code), Name: C.GoString(C.aws_iot_mqtt_error_name(C.int(code))), Detail: detail}
}

// Message that came in, a copy.
type Message struct {
	Topic   string
	Payload []byte
	QoS     QoS
	Retain  bool
}

// Outcome of an asynchronous operation: exactly one for each.
type Outcome struct {
	Operation  uint64
	PacketID   uint16
	GrantedQoS QoS
	Err        error
}

// Client may be used by several goroutines at once. Close must be the last call.
type Client struct{ handle *C.aws_iot_mqtt_client }

// New makes a client; configure an endpoint and credentials, then connect.
func New(clientID string) (*Client, error) {
	client := &Client{}
	_, err := withText(clientID, func(id *C.char) C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_new(id, C.AWS_IOT_MQTT_PROTOCOL_3_1_1, false, true, &client.handle)
	})
	if err != nil {
		return nil, err
	}
	return client, nil
}

// Close ends the client: what is pending ends with AWS_IOT_MQTT_ERR_CANCELLED, and no callback runs any more when it returns. Inside a callback
// it returns at once, and that happens after the callback.
func (client *Client) Close() {
	C.aws_iot_mqtt_client_free(client.handle)
	client.handle = nil
}

// ConfigureEndpoint sets the broker.
func (client *Client) ConfigureEndpoint(host string, port uint16) error {
	_, err := withText(host, func(host *C.char) C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_configure_endpoint(client.handle, host, C.uint16_t(port))
	})
	return err
}

// ConfigureCredentials names PEM files. Accepted at any time.
func (client *Client) ConfigureCredentials(ca, key, certificate string) error {
	texts := [3]*C.char{}
	for i, text := range []string{ca, key, certificate} {
		if strings.IndexByte(text, 0) >= 0 {
			return errNUL
		}
		texts[i] = C.CString(text)
		defer C.free(unsafe.Pointer(texts[i]))
	}
	_, err := check(func() C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_configure_credentials(client.handle, texts[0], texts[1], texts[2], nil)
	})
	return err
}

// Connect waits for the broker's answer; from then on the client reconnects by itself.
func (client *Client) Connect(keepAlive time.Duration) error {
	_, err := check(func() C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_connect(client.handle, C.uint32_t(keepAlive/time.Second))
	})
	return err
}

// ConnectAsync starts to connect.
func (client *Client) ConnectAsync(keepAlive time.Duration) <-chan Outcome {
	return start(func(userdata C.uintptr_t) (bool, error) {
		return check(func() C.aws_iot_mqtt_error {
			return C.connect_async(client.handle, C.uint32_t(keepAlive/time.Second), userdata)
		})
	})
}

// Disconnect parts from the broker, and tells how many operations are kept.
func (client *Client) Disconnect() (left int, err error) {
	var count C.size_t
	_, err = check(func() C.aws_iot_mqtt_error { return C.aws_iot_mqtt_client_disconnect(client.handle, &count) })
	return int(count), err
}

// Publish waits for the outcome. Queued: there is no connection; it is kept and will be sent.
func (client *Client) Publish(topic string, payload []byte, qos QoS) (queued bool, err error) {
	return withText(topic, func(topic *C.char) C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_publish(client.handle, topic, pointer(payload), C.size_t(len(payload)), C.int(qos), false)
	})
}

// PublishAsync returns at once. The channel gets exactly one outcome, and nobody needs to read it.
func (client *Client) PublishAsync(topic string, payload []byte, qos QoS) <-chan Outcome {
	return start(func(userdata C.uintptr_t) (bool, error) {
		return withText(topic, func(topic *C.char) C.aws_iot_mqtt_error {
			return C.publish_async(client.handle, topic, pointer(payload), C.size_t(len(payload)), C.int(qos), false, userdata)
		})
	})
}

// Subscribe waits for the broker's answer. The handler runs on a thread of the library, one message at a time: it may call everything, and a slow
// one delays the next callback of this client only.
func (client *Client) Subscribe(filter string, qos QoS, handler func(Message)) (queued bool, err error) {
	handle := cgo.NewHandle(handler)
	queued, err = withText(filter, func(filter *C.char) C.aws_iot_mqtt_error {
		return C.subscribe(client.handle, filter, C.int(qos), C.uintptr_t(handle), nil)
	})
	if !taken(err) {
		handle.Delete()
	}
	return queued, err
}

// Unsubscribe waits for the broker's answer.
func (client *Client) Unsubscribe(filter string) (queued bool, err error) {
	return withText(filter, func(filter *C.char) C.aws_iot_mqtt_error {
		return C.aws_iot_mqtt_client_unsubscribe(client.handle, filter)
	})
}

// OnOnline asks to be told of every connection that the broker accepts.
func (client *Client) OnOnline(handler func(sessionPresent bool)) error {
	return register(handler, func(userdata C.uintptr_t) C.aws_iot_mqtt_error { return C.on_online(client.handle, userdata) })
}

// OnOffline asks to be told of the end of every connection, and why.
func (client *Client) OnOffline(handler func(why error)) error {
	return register(handler, func(userdata C.uintptr_t) C.aws_iot_mqtt_error { return C.on_offline(client.handle, userdata) })
}

// ---- Inside

var errNUL = errors.New("a text with a NUL, where C would end it")

// The detail of a failure belongs to the thread of the call, and a goroutine may go on on another one.
func check(call func() C.aws_iot_mqtt_error) (queued bool, err error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	switch code := call(); code {
	case C.AWS_IOT_MQTT_OK:
		return false, nil
	case C.AWS_IOT_MQTT_QUEUED:
		return true, nil
	default:
		return false, newError(code, C.GoString(C.aws_iot_mqtt_last_error_detail()))
	}
}

func withText(text string, call func(*C.char) C.aws_iot_mqtt_error) (queued bool, err error) {
	if strings.IndexByte(text, 0) >= 0 {
		return false, errNUL
	}
	held := C.CString(text)
	defer C.free(unsafe.Pointer(held))
	return check(func() C.aws_iot_mqtt_error { return call(held) })
}

// C sees the bytes during the call only, which cgo allows, and the library copies them.
func pointer(payload []byte) unsafe.Pointer {
	if len(payload) == 0 {
		return nil
	}
	return unsafe.Pointer(&payload[0])
}

// Whether the library has the userdata of a call: where it was accepted, also if a synchronous operation was accepted and has failed then. After a
// bug in the library nobody knows: a handle lost is better than one deleted twice, which panics.
func taken(err error) bool {
	var failure *Error
	if err == nil || !errors.As(err, &failure) {
		return err == nil
	}
	switch failure.Code {
	case C.AWS_IOT_MQTT_ERR_TIMEOUT, C.AWS_IOT_MQTT_ERR_CANCELLED, C.AWS_IOT_MQTT_ERR_DROPPED, C.AWS_IOT_MQTT_ERR_REFUSED_BY_CLOSE,
		C.AWS_IOT_MQTT_ERR_SUBSCRIBE_REFUSED, C.AWS_IOT_MQTT_ERR_INTERNAL:
		return true
	}
	return false
}

func register(handler any, call func(C.uintptr_t) C.aws_iot_mqtt_error) error {
	handle := cgo.NewHandle(handler)
	_, err := check(func() C.aws_iot_mqtt_error { return call(C.uintptr_t(handle)) })
	if !taken(err) {
		handle.Delete()
	}
	return err
}

// The channel has room for the outcome: the library's thread never waits for a reader.
func start(call func(C.uintptr_t) (bool, error)) <-chan Outcome {
	outcomes := make(chan Outcome, 1)
	handle := cgo.NewHandle(func(outcome Outcome) { outcomes <- outcome })
	if _, err := call(C.uintptr_t(handle)); err != nil {
		if !taken(err) {
			handle.Delete()
		}
		outcomes <- Outcome{Err: err}
	}
	return outcomes
}
