"""Runs an example of the reference: run_reference.py EXAMPLE PORT

Its endpoint is not a host of the test's, so sockets to it are made to 127.0.0.1 (through configureSocketFactory, which is part of what is
tested). Then it waits for a line, as a longer program would go on for callbacks to come.
"""

import runpy
import socket
import sys

import aws_iot_mqtt

example, port = sys.argv[1], int(sys.argv[2])
configure_endpoint = aws_iot_mqtt.AWSIoTMQTTClient.configureEndpoint


def configure_endpoint_here(self, host_name, port_number):
    assert host_name == "endpoint.iot.region.amazonaws.com" and port_number in (8883, 443)
    configure_endpoint(self, host_name, port_number)
    self.configureSocketFactory(lambda: socket.create_connection(("127.0.0.1", port)))


aws_iot_mqtt.AWSIoTMQTTClient.configureEndpoint = configure_endpoint_here
names = runpy.run_path(example)  # keeps its client
print("the example has come to its end", flush=True)
sys.stdin.readline()
