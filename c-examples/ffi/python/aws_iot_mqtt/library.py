"""The C interface by ctypes: what of include/aws_iot_mqtt.h this package uses, and who keeps callbacks alive.

ctypes releases the interpreter lock (GIL) while a C function runs and takes it for a callback, on whatever thread the library makes it. So a
blocking call lets callbacks run, free() included, which waits for them.
"""

import ctypes
import itertools
import os
from ctypes import (CFUNCTYPE, POINTER, Structure, c_bool, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64,
                    c_void_p)

OK, QUEUED = 0, 1
INTERNAL = 199
BAD_CONNACK = range(501, 506)  # CONNACK 1 to 5
SUBSCRIBE_REFUSED = 510
TIMEOUT, OFFLINE, QUEUE_FULL, QUEUE_DISABLED, CANCELLED, DROPPED, REFUSED_BY_CLOSE = 600, 601, 602, 603, 604, 605, 512


class CompletionStruct(Structure):
    """aws_iot_mqtt_completion. The library makes it, and it may grow at its end: read it by pointer only."""

    _fields_ = [("operation", c_uint64), ("error", c_int), ("detail", c_char_p), ("packet_id", c_uint16), ("granted_qos", c_uint8),
                ("session_present", c_bool), ("left", c_size_t)]


class MessageStruct(Structure):
    """aws_iot_mqtt_message. The payload is a pointer and not c_char_p, which would end it at its first NUL."""

    _fields_ = [("topic", c_char_p), ("topic_len", c_size_t), ("payload", c_void_p), ("payload_len", c_size_t), ("qos", c_uint8),
                ("retain", c_bool), ("dup", c_bool), ("packet_id", c_uint16), ("acknowledgement", c_uint64)]


FREE = CFUNCTYPE(None, c_void_p)
COMPLETION = CFUNCTYPE(None, POINTER(CompletionStruct), c_void_p)
MESSAGE = CFUNCTYPE(None, POINTER(MessageStruct), c_void_p)
ONLINE = CFUNCTYPE(None, c_bool, c_void_p)
OFFLINE_FN = CFUNCTYPE(None, c_int, c_char_p, c_void_p)
SOCKET_FACTORY = CFUNCTYPE(c_int, c_char_p, c_uint16, c_uint64, c_void_p)


def _triple(callback):
    return [callback, c_void_p, FREE]


# Each has the client before these, and returns an error number.
_CLIENT_FUNCTIONS = {
    "configure_endpoint": [c_char_p, c_uint16],
    "configure_credentials": [c_char_p, c_char_p, c_char_p, c_char_p],
    "configure_iam_credentials": [c_char_p, c_char_p, c_char_p],
    "configure_username_password": [c_char_p, c_char_p, c_size_t],
    "configure_last_will": [c_char_p, c_char_p, c_size_t, c_int, c_bool],
    "clear_last_will": [],
    "configure_auto_reconnect_backoff_time": [c_uint32, c_uint32, c_uint32],
    "configure_offline_publish_queueing": [c_int64, c_int],
    "configure_draining_frequency": [c_double],
    "configure_connect_disconnect_timeout": [c_uint32],
    "configure_mqtt_operation_timeout": [c_uint32],
    "configure_socket_factory": _triple(SOCKET_FACTORY),
    "enable_metrics_collection": [],
    "disable_metrics_collection": [],
    "connect": [c_uint32],
    "connect_async": [c_uint32, *_triple(COMPLETION), POINTER(c_uint64)],
    "disconnect": [POINTER(c_size_t)],
    "disconnect_async": [*_triple(COMPLETION), POINTER(c_uint64)],
    "publish": [c_char_p, c_char_p, c_size_t, c_int, c_bool],
    "publish_async": [c_char_p, c_char_p, c_size_t, c_int, c_bool, *_triple(COMPLETION), POINTER(c_uint64)],
    "subscribe": [c_char_p, c_int, *_triple(MESSAGE), POINTER(c_uint8)],
    "subscribe_async": [c_char_p, c_int, *_triple(COMPLETION), *_triple(MESSAGE), POINTER(c_uint64)],
    "unsubscribe": [c_char_p],
    "unsubscribe_async": [c_char_p, *_triple(COMPLETION), POINTER(c_uint64)],
    "on_online": _triple(ONLINE),
    "on_offline": _triple(OFFLINE_FN),
    "on_message": _triple(MESSAGE),
}


def _load():
    # The soname: what the dynamic linker finds in an installation. The variable is for one that it does not find.
    try:
        library = ctypes.CDLL(os.environ.get("AWS_IOT_MQTT_LIBRARY", "libaws_iot_mqtt.so.0"))
    except OSError as error:
        raise ImportError(f"{error}; AWS_IOT_MQTT_LIBRARY may name the file") from None
    for name in ("error_name", "error_message"):
        getattr(library, f"aws_iot_mqtt_{name}").argtypes = [c_int]
        getattr(library, f"aws_iot_mqtt_{name}").restype = c_char_p
    for name in ("last_error_detail", "version"):
        getattr(library, f"aws_iot_mqtt_{name}").argtypes = []
        getattr(library, f"aws_iot_mqtt_{name}").restype = c_char_p
    library.aws_iot_mqtt_client_new.argtypes = [c_char_p, c_int, c_bool, c_bool, POINTER(c_void_p)]
    library.aws_iot_mqtt_client_new.restype = c_int
    library.aws_iot_mqtt_client_free.argtypes = [c_void_p]
    library.aws_iot_mqtt_client_free.restype = None
    for name, arguments in _CLIENT_FUNCTIONS.items():
        function = getattr(library, f"aws_iot_mqtt_client_{name}")
        function.argtypes = [c_void_p, *arguments]
        function.restype = c_int
    return library


LIBRARY = _load()


def error_name(error):
    return LIBRARY.aws_iot_mqtt_error_name(error).decode()


def last_detail():
    """Of the last failing call on this thread; ask before anything else is called."""
    return LIBRARY.aws_iot_mqtt_last_error_detail().decode()


# ---- Callbacks. C gets one of the functions below, which live as long as this module, and a number as userdata. The number finds the Python
# function, which stays in _functions, and so alive, until the library gives the number back.

_functions = {}
_numbers = itertools.count(1)  # 0 would come back as None

@FREE
def _free(userdata):
    _functions.pop(userdata, None)


@COMPLETION
def _completion(completion, userdata):
    _functions[userdata](completion.contents)


@MESSAGE
def _message(message, userdata):
    _functions[userdata](message.contents)


@ONLINE
def _online(session_present, userdata):
    _functions[userdata](session_present)


@OFFLINE_FN
def _offline(error, detail, userdata):
    _functions[userdata](error, detail.decode())


@SOCKET_FACTORY
def _socket_factory(host, port, remaining_ms, userdata):
    # An exception would make ctypes return 0, which is a descriptor.
    try:
        return _functions[userdata](host.decode(), port, remaining_ms)
    except Exception:
        import traceback
        traceback.print_exc()
        return -1


_CALLBACKS = {COMPLETION: _completion, MESSAGE: _message, ONLINE: _online, OFFLINE_FN: _offline, SOCKET_FACTORY: _socket_factory}


class Registration:
    """A Python function as the triple that C takes."""

    def __init__(self, kind, function):
        self.number = next(_numbers) if function else None
        self.triple = (_CALLBACKS[kind], self.number, _free) if function else (kind(), None, FREE())
        if function:
            _functions[self.number] = function

    def settle(self, error):
        """The library has taken it where the call was accepted; also where a synchronous one was accepted and has failed then."""
        taken = (OK, QUEUED, TIMEOUT, CANCELLED, DROPPED, REFUSED_BY_CLOSE, SUBSCRIBE_REFUSED, INTERNAL)
        if error not in taken:
            _functions.pop(self.number, None)
