"""libaws_iot_mqtt from Python, with the names of the AWS IoT Device SDK for Python v1: `import aws_iot_mqtt as AWSIoTPyMQTT`."""

from .client import DROP_NEWEST, DROP_OLDEST, AWSIoTMQTTClient, Message, MQTTv3_1, MQTTv3_1_1
from .exceptions import Error

__all__ = ["AWSIoTMQTTClient", "DROP_NEWEST", "DROP_OLDEST", "Error", "MQTTv3_1", "MQTTv3_1_1", "Message"]
