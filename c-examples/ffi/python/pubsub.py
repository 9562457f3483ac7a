"""Publishes and subscribes over mutual TLS: python3 pubsub.py HOST PORT CA CERTIFICATE KEY [TOPIC]"""

import sys
import threading

import aws_iot_mqtt
from aws_iot_mqtt.exceptions import publishError


def main(host, port, ca, certificate, key, topic="ffi/python"):
    client = aws_iot_mqtt.AWSIoTMQTTClient("ffi-python")
    client.configureEndpoint(host, int(port))
    client.configureCredentials(ca, key, certificate)
    received, acknowledged = threading.Semaphore(0), threading.Event()

    # On a thread of the library: pass the work on, or be quick.
    def on_message(_client, _userdata, message):
        print(f"received on {message.topic}: {message.payload.decode()}", flush=True)
        received.release()

    def on_puback(mid):
        print(f"acknowledged {mid}", flush=True)
        acknowledged.set()

    client.connect()
    client.subscribe(topic, 1, on_message)
    client.publish(topic, "synchronous", 1)
    client.publishAsync(topic, "asynchronous", 1, on_puback)
    if not (acknowledged.wait(30) and received.acquire(timeout=30) and received.acquire(timeout=30)):
        raise SystemExit("not everything came in 30 seconds")
    # A failing call raises, and says what to mend.
    try:
        client.publish(topic + "/#", "", 1)
    except publishError as error:
        print(f"refused: {error}")
    client.disconnect()

    # An operation that was accepted and fails later is told once, too: here the client ends while its publish is queued.
    offline = aws_iot_mqtt.AWSIoTMQTTClient("ffi-python-offline")
    failed = []
    offline.onOperationFailed = lambda mid, error: failed.append(error)
    offline.publishAsync(topic, "never sent", 1)
    offline.close()
    print(f"ended: {failed[0]}")


if __name__ == "__main__":
    main(*sys.argv[1:])
