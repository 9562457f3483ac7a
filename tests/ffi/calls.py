"""Every call of the reference, its exceptions, and what callbacks may do: calls.py PORT CERTIFICATES"""

import gc
import inspect
import queue
import socket
import sys
import weakref

import aws_iot_mqtt
from aws_iot_mqtt import exceptions, library

port, directory = int(sys.argv[1]), sys.argv[2]
DEADLINE = 30

# ---- The names and the parameters, in the reference's order
SIGNATURES = {
    "__init__": ["clientID", "protocolType", "useWebsocket", "cleanSession"],
    "configureEndpoint": ["hostName", "portNumber"],
    "configureCredentials": ["CAFilePath", "KeyPath", "CertificatePath", "Ciphers"],
    "configureIAMCredentials": ["AWSAccessKeyID", "AWSSecretAccessKey", "AWSSessionToken"],
    "configureUsernamePassword": ["username", "password"],
    "configureLastWill": ["topic", "payload", "QoS", "retain"],
    "clearLastWill": [],
    "configureAutoReconnectBackoffTime": ["baseReconnectQuietTimeSecond", "maxReconnectQuietTimeSecond", "stableConnectionTimeSecond"],
    "configureOfflinePublishQueueing": ["queueSize", "dropBehavior"],
    "configureDrainingFrequency": ["frequencyInHz"],
    "configureConnectDisconnectTimeout": ["timeoutSecond"],
    "configureMQTTOperationTimeout": ["timeoutSecond"],
    "connect": ["keepAliveIntervalSecond"],
    "connectAsync": ["keepAliveIntervalSecond", "ackCallback"],
    "disconnect": [],
    "disconnectAsync": ["ackCallback"],
    "publish": ["topic", "payload", "QoS"],
    "publishAsync": ["topic", "payload", "QoS", "ackCallback"],
    "subscribe": ["topic", "QoS", "callback"],
    "subscribeAsync": ["topic", "QoS", "ackCallback", "messageCallback"],
    "unsubscribe": ["topic"],
    "unsubscribeAsync": ["topic", "ackCallback"],
    "onOnline": [],
    "onOffline": [],
    "onMessage": ["message"],
    "enableMetricsCollection": [],
    "disableMetricsCollection": [],
    "configureSocketFactory": ["socket_factory"],
}
for name, parameters in SIGNATURES.items():
    assert list(inspect.signature(getattr(aws_iot_mqtt.AWSIoTMQTTClient, name)).parameters)[1:] == parameters, name
assert (aws_iot_mqtt.MQTTv3_1, aws_iot_mqtt.MQTTv3_1_1, aws_iot_mqtt.DROP_OLDEST, aws_iot_mqtt.DROP_NEWEST) == (3, 4, 0, 1)


def raised(exception, function, *arguments):
    try:
        function(*arguments)
    except exception as error:
        assert type(error) is exception, repr(error)
        return error
    raise AssertionError(f"{exception} was expected")


# ---- All of them, against the broker
happened = queue.Queue()


class Client(aws_iot_mqtt.AWSIoTMQTTClient):
    def onOnline(self):
        happened.put("online")

    def onOffline(self):
        happened.put("offline")

    def onMessage(self, message):
        happened.put(("any", message.topic))


def expect(*wanted):
    for one in wanted:
        got = happened.get(timeout=DEADLINE)
        assert got == one, (got, one)


before = len(library._functions)
client = Client("calls", aws_iot_mqtt.MQTTv3_1_1, False, True)
client.configureEndpoint("127.0.0.1", port)
client.configureCredentials(f"{directory}/ca.pem", f"{directory}/client.key", f"{directory}/client.pem")
client.configureIAMCredentials("AKID", "secret", "token")
client.configureUsernamePassword("user", "password")
client.configureUsernamePassword("user")
client.configureLastWill("will", "gone", 1, True)
client.clearLastWill()
client.configureAutoReconnectBackoffTime(1, 32, 20)
client.configureOfflinePublishQueueing(10, aws_iot_mqtt.DROP_OLDEST)
client.configureDrainingFrequency(2.5)
client.configureConnectDisconnectTimeout(20)
client.configureMQTTOperationTimeout(20)
client.enableMetricsCollection()
client.disableMetricsCollection()
client.configureSocketFactory(lambda: socket.create_connection(("127.0.0.1", port)))
assert client.connect(30) is True
expect("online")


def on_message(_client, _userdata, message):
    # A blocking call inside a callback.
    assert client.publish("calls/inside", b"", 1) is True
    happened.put((message.topic, message.payload))


assert client.subscribe("calls/+/x", 1, on_message) is True
assert client.publish("calls/1/x", bytearray(b"a\0b"), 1) is True
expect(("calls/1/x", b"a\0b"), ("any", "calls/1/x"))
acknowledged = lambda *arguments: happened.put(arguments)
mid = client.subscribeAsync("calls/2", 0, acknowledged, lambda *arguments: happened.put(arguments[2].payload))
expect((mid, (0,)))
mid = client.publishAsync("calls/2", "grüß", 0, acknowledged)
assert {happened.get(timeout=DEADLINE) for _ in range(3)} == {(mid,), "grüß".encode(), ("any", "calls/2")}
mid = client.unsubscribeAsync("calls/2", acknowledged)
expect((mid,))
assert client.unsubscribe("calls/+/x") is True
assert client.subscribeAsync("calls/3", 1) < client.unsubscribeAsync("calls/3")  # nobody is told
mid = client.disconnectAsync(acknowledged)
expect("offline", (mid, 0))
mid = client.connectAsync(30, acknowledged)
expect("online", (mid, 0))
assert client.disconnect() is True
expect("offline")

# ---- Failures
assert client.publish("calls/queued", "", 1) is False
client.configureOfflinePublishQueueing(1)
error = raised(exceptions.publishQueueFullException, client.publish, "calls/full", "", 1)
assert error.error == library.QUEUE_FULL and error.detail
client.configureOfflinePublishQueueing(0)
raised(exceptions.subscribeQueueDisabledException, client.subscribe, "calls", 1, on_message)
raised(exceptions.unsubscribeQueueDisabledException, client.unsubscribe, "calls")
raised(exceptions.publishError, client.publish, "calls/#", "", 1)
raised(exceptions.subscribeError, client.subscribeAsync, "a#", 1, acknowledged, on_message)
raised(aws_iot_mqtt.Error, client.configureCredentials, "/no/such/file")
raised(ValueError, client.publish, "a\0b", "", 1)
raised(ValueError, client.configureMQTTOperationTimeout, -1)
raised(ValueError, client.configureEndpoint, "host", 70000)
client.configureSocketFactory(lambda: 1 / 0)  # its traceback is printed
raised(exceptions.connectError, client.connect)
mid = client.connectAsync(30, acknowledged)
expect((mid, 205))
refusals = []
client.onOperationFailed = lambda mid, error: refusals.append(error)
mid = client.connectAsync(30, acknowledged)
expect((mid, 205))
assert type(refusals[0]) is exceptions.connectError
client.configureSocketFactory(None)
closed = aws_iot_mqtt.AWSIoTMQTTClient("closed")
closed.close()
closed.close()
raised(exceptions.publishError, closed.publish, "calls", "", 1)
del closed

# ---- What is not used any more goes away: the client with its last reference, and what the library held of ours with the client
gone = weakref.ref(client)
del client, on_message, error
gc.collect()
assert gone() is None
assert len(library._functions) == before, library._functions
