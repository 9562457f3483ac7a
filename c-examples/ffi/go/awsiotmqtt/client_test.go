package awsiotmqtt

import (
	"errors"
	"os"
	"runtime/cgo"
	"strconv"
	"sync"
	"testing"
	"time"
)

// TEST_PORT and TEST_CERTIFICATES name a broker on 127.0.0.1.
func connected(t *testing.T) *Client {
	client, err := New("calls-" + t.Name())
	must(t, err)
	port, err := strconv.ParseUint(os.Getenv("TEST_PORT"), 10, 16)
	must(t, err)
	directory := os.Getenv("TEST_CERTIFICATES")
	must(t, client.ConfigureEndpoint("127.0.0.1", uint16(port)))
	must(t, client.ConfigureCredentials(directory+"/ca.pem", directory+"/client.key", directory+"/client.pem"))
	must(t, (<-client.ConnectAsync(time.Minute)).Err)
	return client
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// From many goroutines, with calls inside the handler, and the client closed inside it.
func TestCallbacksMayCallEverything(t *testing.T) {
	client := connected(t)
	closed := make(chan bool)
	count := 0
	_, err := client.Subscribe("calls/#", AtLeastOnce, func(message Message) {
		if _, err := client.Publish("inside", message.Payload, AtLeastOnce); err != nil {
			t.Error(err)
		}
		count++ // one at a time
		if message.Topic == "calls/last" {
			client.Close()
			close(closed)
		}
	})
	must(t, err)
	var all sync.WaitGroup
	for i := 0; i < 10; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 10; j++ {
				if outcome := <-client.PublishAsync("calls/x", []byte{0, 1}, AtLeastOnce); outcome.Err != nil {
					t.Error(outcome.Err)
				}
			}
		}()
	}
	all.Wait()
	// The handler closes the client, perhaps before this has its acknowledgement.
	client.PublishAsync("calls/last", nil, AtLeastOnce)
	select {
	case <-closed:
		if count != 101 {
			t.Fatal(count)
		}
	case <-time.After(time.Minute):
		t.Fatal("not all messages in a minute")
	}
}

func TestRefusalsTakeNothing(t *testing.T) {
	before := uintptr(cgo.NewHandle(0))
	client, err := New("refusals")
	must(t, err)
	defer client.Close()
	_, err = client.Subscribe("a#", AtLeastOnce, func(Message) {})
	var failure *Error
	if !errors.As(err, &failure) || failure.Name != "AWS_IOT_MQTT_ERR_INVALID_TOPIC" || failure.Detail == "" {
		t.Fatal(err)
	}
	if err := client.ConfigureCredentials("/no/such/file", "", ""); err == nil {
		t.Fatal("a missing file is refused")
	}
	if _, err := client.Publish("a\x00b", nil, AtMostOnce); err != errNUL {
		t.Fatal(err)
	}
	if outcome := <-client.PublishAsync("#", nil, AtMostOnce); outcome.Err == nil {
		t.Fatal("a wildcard is refused")
	}
	if err := client.Connect(0); err == nil {
		t.Fatal("no endpoint")
	}
	// Each handle that was made in between is gone again.
	after := uintptr(cgo.NewHandle(0))
	for handle := before + 1; handle < after; handle++ {
		func() {
			defer func() { _ = recover() }()
			_ = cgo.Handle(handle).Value() // panics for one that was deleted
			t.Errorf("handle %d lives", handle)
		}()
	}
}
