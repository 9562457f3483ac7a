package awsiotmqtt

// This file has what C calls. A file with `export` may only declare in its preamble, so the C functions around these are in client.go.

// #include <aws_iot_mqtt.h>
// #include <stdint.h>
import "C"

import (
	"runtime/cgo"
	"unsafe"
)

// Each runs on a thread of the library. A panic in one would end the process, as in every goroutine.

//export goCompletion
func goCompletion(lent *C.aws_iot_mqtt_completion, userdata C.uintptr_t) {
	outcome := Outcome{Operation: uint64(lent.operation), PacketID: uint16(lent.packet_id), GrantedQoS: QoS(lent.granted_qos)}
	if lent.error != C.AWS_IOT_MQTT_OK {
		outcome.Err = newError(lent.error, C.GoString(lent.detail))
	}
	cgo.Handle(userdata).Value().(func(Outcome))(outcome)
}

//export goMessage
func goMessage(lent *C.aws_iot_mqtt_message, userdata C.uintptr_t) {
	cgo.Handle(userdata).Value().(func(Message))(Message{
		Topic:   C.GoStringN(lent.topic, C.int(lent.topic_len)),
		Payload: C.GoBytes(unsafe.Pointer(lent.payload), C.int(lent.payload_len)),
		QoS:     QoS(lent.qos),
		Retain:  bool(lent.retain),
	})
}

//export goOnline
func goOnline(sessionPresent C.bool, userdata C.uintptr_t) {
	cgo.Handle(userdata).Value().(func(bool))(bool(sessionPresent))
}

//export goOffline
func goOffline(code C.aws_iot_mqtt_error, detail *C.char, userdata C.uintptr_t) {
	cgo.Handle(userdata).Value().(func(error))(newError(code, C.GoString(detail)))
}

// The last use of a userdata is over: the Go value behind the handle may go.
//
//export goFree
func goFree(userdata C.uintptr_t) {
	cgo.Handle(userdata).Delete()
}
