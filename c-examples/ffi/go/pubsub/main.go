// Publishes and subscribes over mutual TLS: pubsub HOST PORT CA CERTIFICATE KEY [TOPIC]
package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"example/aws-iot-mqtt/awsiotmqtt"
)

func run(host, port, ca, certificate, key, topic string) error {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	client, err := awsiotmqtt.New("ffi-go")
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.ConfigureEndpoint(host, uint16(number)); err != nil {
		return err
	}
	if err := client.ConfigureCredentials(ca, key, certificate); err != nil {
		return err
	}
	online := make(chan bool, 1)
	// A callback must not wait for main, which may wait for another callback: it runs again after each reconnection.
	isOnline := func(bool) {
		select {
		case online <- true:
		default: // told already
		}
	}
	if err := client.OnOnline(isOnline); err != nil {
		return err
	}
	if err := client.Connect(10 * time.Minute); err != nil {
		return err
	}
	<-online

	// On a thread of the library: pass the work on, or be quick.
	received := make(chan awsiotmqtt.Message, 2)
	keep := func(message awsiotmqtt.Message) {
		select {
		case received <- message:
		default: // a third one: QoS 1 is at least once, so a message may come twice
		}
	}
	if _, err := client.Subscribe(topic, awsiotmqtt.AtLeastOnce, keep); err != nil {
		return err
	}
	if _, err := client.Publish(topic, []byte("synchronous"), awsiotmqtt.AtLeastOnce); err != nil {
		return err
	}
	outcome := <-client.PublishAsync(topic, []byte("asynchronous"), awsiotmqtt.AtLeastOnce)
	if outcome.Err != nil {
		return outcome.Err
	}
	fmt.Println("acknowledged", outcome.Operation)
	for i := 0; i < 2; i++ {
		select {
		case message := <-received:
			fmt.Printf("received on %s: %s\n", message.Topic, message.Payload)
		case <-time.After(30 * time.Second):
			return errors.New("not everything came in 30 seconds")
		}
	}
	// A failing call returns an error, and says what to mend.
	if _, err := client.Publish(topic+"/#", nil, awsiotmqtt.AtLeastOnce); err != nil {
		fmt.Println("refused:", err)
	}
	if _, err := client.Disconnect(); err != nil {
		return err
	}

	// An operation that was accepted and fails later is told once, too: here the client ends while its publish is queued.
	offline, err := awsiotmqtt.New("ffi-go-offline")
	if err != nil {
		return err
	}
	pending := offline.PublishAsync(topic, []byte("never sent"), awsiotmqtt.AtLeastOnce)
	offline.Close()
	fmt.Println("ended:", (<-pending).Err)
	return nil
}

func main() {
	arguments := append(os.Args[1:], "ffi/go")
	if len(arguments) < 6 {
		fmt.Fprintln(os.Stderr, "usage: pubsub HOST PORT CA CERTIFICATE KEY [TOPIC]")
		os.Exit(2)
	}
	if err := run(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
