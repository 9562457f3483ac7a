"""Failures under the names that the AWS IoT Device SDK for Python v1 gives them, each with the library's number and detail."""

from . import library


class Error(Exception):
    def __init__(self, error, detail):
        super().__init__(f"{library.error_name(error)}: {detail}")
        self.error = error
        self.detail = detail


class connectError(Error):
    """Not accepted by the broker, or no way to it."""


class connectTimeoutException(connectError):
    pass


class disconnectError(Error):
    pass


class disconnectTimeoutException(disconnectError):
    pass


class publishError(Error):
    pass


class publishTimeoutException(publishError):
    pass


class publishQueueFullException(publishError):
    pass


class publishQueueDisabledException(publishError):
    pass


class subscribeError(Error):
    pass


class subackError(subscribeError):
    """The broker refused the subscription."""


class subscribeTimeoutException(subscribeError):
    pass


class subscribeQueueFullException(subscribeError):
    pass


class subscribeQueueDisabledException(subscribeError):
    pass


class unsubscribeError(Error):
    pass


class unsubscribeTimeoutException(unsubscribeError):
    pass


class unsubscribeQueueFullException(unsubscribeError):
    pass


class unsubscribeQueueDisabledException(unsubscribeError):
    pass


_BY_NUMBER = {library.TIMEOUT: "TimeoutException", library.QUEUE_FULL: "QueueFullException", library.QUEUE_DISABLED: "QueueDisabledException"}


def failure(operation, error, detail):
    """The exception for a failed connect, disconnect, publish, subscribe or unsubscribe."""
    if error == library.SUBSCRIBE_REFUSED:
        return subackError(error, detail)
    special = globals().get(operation + _BY_NUMBER.get(error, "Error"))
    return (special or globals()[operation + "Error"])(error, detail)
