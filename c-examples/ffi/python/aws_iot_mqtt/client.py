"""AWSIoTMQTTClient with the method names of the AWS IoT Device SDK for Python v1."""

import atexit
import ctypes
import logging
import weakref

from . import library
from .exceptions import Error, failure
from .library import COMPLETION, LIBRARY, MESSAGE, OFFLINE_FN, ONLINE, SOCKET_FACTORY, Registration

MQTTv3_1, MQTTv3_1_1 = 3, 4
DROP_OLDEST, DROP_NEWEST = 0, 1

_log = logging.getLogger(__name__)
# A callback that came after the interpreter had ended would crash: every client is ended before.
_living = weakref.WeakSet()


@atexit.register
def _end_all():
    for client in list(_living):
        client._end()


def _bytes(payload):
    return payload if isinstance(payload, bytes) else b"" if payload is None else bytes(payload) if isinstance(payload, bytearray) else str(payload).encode()


def _text(text):
    """C would end it at a NUL."""
    if "\0" in text:
        raise ValueError(f"a NUL character in {text!r}")
    return text.encode()


def _optional(text):
    return _text(text) if text else None


def _ms(seconds):
    milliseconds = round(seconds * 1000)
    if not 0 <= milliseconds < 2**32:  # ctypes would cut it off
        raise ValueError(f"{seconds} seconds")
    return milliseconds


class Message:
    """A message that came in: a copy, so it may be kept."""

    def __init__(self, lent):
        self.topic = lent.topic.decode()
        self.payload = ctypes.string_at(lent.payload, lent.payload_len)
        self.qos = lent.qos
        self.retain = lent.retain
        self.dup = lent.dup
        self.mid = lent.packet_id


class AWSIoTMQTTClient:
    """Callbacks run on threads of the library, one at a time for one client, and may call every method. An exception in one goes to sys.unraisablehook."""

    def __init__(self, clientID, protocolType=MQTTv3_1_1, useWebsocket=False, cleanSession=True):
        self._handle = None
        handle = ctypes.c_void_p()
        error = LIBRARY.aws_iot_mqtt_client_new(_text(clientID), protocolType, useWebsocket, cleanSession, ctypes.byref(handle))
        if error != library.OK:
            raise Error(error, library.last_detail())
        self._handle = handle
        _living.add(self)
        # Through a weak reference: the library's hold on its callbacks must not keep the client alive.
        this = weakref.ref(self)

        def event(name):
            def tell(*arguments):
                client = this()
                if client is not None:
                    getattr(client, name)(*arguments)

            return tell

        self._register("on_online", ONLINE, lambda _session_present, tell=event("onOnline"): tell())
        self._register("on_offline", OFFLINE_FN, lambda _error, _detail, tell=event("onOffline"): tell())
        self._register("on_message", MESSAGE, lambda lent, tell=event("onMessage"): tell(Message(lent)))

    # ---- Configuration

    def configureEndpoint(self, hostName, portNumber):
        if not 0 < portNumber < 65536:
            raise ValueError(f"port {portNumber}")
        self._call("configure_endpoint", _text(hostName), portNumber)

    def configureCredentials(self, CAFilePath, KeyPath="", CertificatePath="", Ciphers=None):
        self._call("configure_credentials", *map(_optional, (CAFilePath, KeyPath, CertificatePath, Ciphers)))

    def configureIAMCredentials(self, AWSAccessKeyID, AWSSecretAccessKey, AWSSessionToken=""):
        self._call("configure_iam_credentials", *map(_optional, (AWSAccessKeyID, AWSSecretAccessKey, AWSSessionToken)))

    def configureUsernamePassword(self, username, password=None):
        password = None if password is None else _bytes(password)
        self._call("configure_username_password", _optional(username), password, len(password or b""))

    def configureLastWill(self, topic, payload, QoS, retain=False):
        payload = _bytes(payload)
        self._call("configure_last_will", _text(topic), payload, len(payload), QoS, retain)

    def clearLastWill(self):
        self._call("clear_last_will")

    def configureAutoReconnectBackoffTime(self, baseReconnectQuietTimeSecond, maxReconnectQuietTimeSecond, stableConnectionTimeSecond):
        times = (baseReconnectQuietTimeSecond, maxReconnectQuietTimeSecond, stableConnectionTimeSecond)
        self._call("configure_auto_reconnect_backoff_time", *map(_ms, times))

    def configureOfflinePublishQueueing(self, queueSize, dropBehavior=DROP_NEWEST):
        self._call("configure_offline_publish_queueing", queueSize, dropBehavior)

    def configureDrainingFrequency(self, frequencyInHz):
        self._call("configure_draining_frequency", frequencyInHz)

    def configureConnectDisconnectTimeout(self, timeoutSecond):
        self._call("configure_connect_disconnect_timeout", _ms(timeoutSecond))

    def configureMQTTOperationTimeout(self, timeoutSecond):
        self._call("configure_mqtt_operation_timeout", _ms(timeoutSecond))

    def enableMetricsCollection(self):
        self._call("enable_metrics_collection")

    def disableMetricsCollection(self):
        self._call("disable_metrics_collection")

    def configureSocketFactory(self, socket_factory):
        # The library owns the descriptor from then on, so Python must forget it.
        make = socket_factory and (lambda _host, _port, _remaining_ms: socket_factory().detach())
        self._register("configure_socket_factory", SOCKET_FACTORY, make)

    # ---- Connection. True: acknowledged. False: kept, and sent when there is a connection.

    def connect(self, keepAliveIntervalSecond=600):
        return self._operation("connect", keepAliveIntervalSecond)

    def connectAsync(self, keepAliveIntervalSecond=600, ackCallback=None):
        def completed(completion):
            error = completion.error
            return ackCallback(completion.operation, error - 500 if error in library.BAD_CONNACK else error)

        return self._start("connect", (keepAliveIntervalSecond,), ackCallback and completed, also_failed=True)

    def disconnect(self):
        return self._operation("disconnect", None)

    def disconnectAsync(self, ackCallback=None):
        return self._start("disconnect", (), ackCallback and (lambda completion: ackCallback(completion.operation, completion.error)))

    # ---- Publish and subscribe

    def publish(self, topic, payload, QoS):
        payload = _bytes(payload)
        return self._operation("publish", _text(topic), payload, len(payload), QoS, False)

    def publishAsync(self, topic, payload, QoS, ackCallback=None):
        payload = _bytes(payload)
        arguments = (_text(topic), payload, len(payload), QoS, False)
        return self._start("publish", arguments, ackCallback and (lambda completion: ackCallback(completion.operation)))

    def subscribe(self, topic, QoS, callback):
        messages = self._messages(callback)
        return self._operation("subscribe", _text(topic), QoS, *messages.triple, None, registrations=[messages])

    def subscribeAsync(self, topic, QoS, ackCallback=None, messageCallback=None):
        def completed(completion):
            ackCallback(completion.operation, (128 if completion.error else completion.granted_qos,))

        messages = self._messages(messageCallback)
        return self._start("subscribe", (_text(topic), QoS), ackCallback and completed, messages, also_failed=True)

    def unsubscribe(self, topic):
        return self._operation("unsubscribe", _text(topic))

    def unsubscribeAsync(self, topic, ackCallback=None):
        return self._start("unsubscribe", (_text(topic),), ackCallback and (lambda completion: ackCallback(completion.operation)))

    # ---- Events: override, or assign a function

    def onOnline(self):
        pass

    def onOffline(self):
        pass

    def onMessage(self, message):
        pass

    def onOperationFailed(self, mid, exception):
        """Not in the reference, whose acknowledgement callbacks are not called on failure: how an accepted asynchronous operation failed."""
        _log.warning("operation %d: %s", mid, exception)

    def close(self):
        """Not in the reference: ends the client at once, as its last reference does. What is pending ends with AWS_IOT_MQTT_ERR_CANCELLED."""
        handle, self._handle = self._handle, None
        if handle is not None:
            # Waits until no callback runs any more, except inside one.
            LIBRARY.aws_iot_mqtt_client_free(handle)

    # ---- Inside

    def _invoke(self, name, *arguments, registrations=()):
        """The number and the detail of a call; what the library did not take is forgotten."""
        error = None  # what does not fit the C types raises here
        try:
            error = getattr(LIBRARY, f"aws_iot_mqtt_client_{name}")(self._handle, *arguments)
            return error, library.last_detail()
        finally:
            for registration in registrations:
                registration.settle(error)

    def _call(self, name, *arguments, registrations=()):
        error, detail = self._invoke(name, *arguments, registrations=registrations)
        if error != library.OK:
            raise Error(error, detail)

    def _register(self, name, kind, function):
        registration = Registration(kind, function)
        self._call(name, *registration.triple, registrations=[registration])

    def _operation(self, operation, *arguments, suffix="", registrations=()):
        error, detail = self._invoke(operation + suffix, *arguments, registrations=registrations)
        if error not in (library.OK, library.QUEUED):
            raise failure(operation, error, detail)
        return error == library.OK

    def _start(self, name, arguments, acknowledged, *messages, also_failed=False):
        this = weakref.ref(self)

        def completed(completion):
            client = this()
            if completion.error and client is not None:
                client.onOperationFailed(completion.operation, failure(name, completion.error, completion.detail.decode()))
            if acknowledged and (also_failed or not completion.error):
                acknowledged(completion)

        operation = ctypes.c_uint64()
        completion = Registration(COMPLETION, completed)
        triples = [part for registration in (completion, *messages) for part in registration.triple]
        self._operation(name, *arguments, *triples, ctypes.byref(operation), suffix="_async", registrations=[completion, *messages])
        return operation.value

    def _messages(self, callback):
        # The original gives None for both as well.
        return Registration(MESSAGE, callback and (lambda lent: callback(None, None, Message(lent))))

    def _end(self):
        """At the end of the program: what is on its way still arrives, and the broker drops the last will."""
        try:
            self.disconnect()
        except Error as error:
            _log.warning("at the end: %s", error)
        self.close()

    def __del__(self):
        self.close()
