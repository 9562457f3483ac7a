import aws_iot_mqtt as AWSIoTPyMQTT
# Create WebSocket client
client = AWSIoTPyMQTT.AWSIoTMQTTClient("webClient", useWebsocket=True)
client.configureEndpoint("endpoint.iot.region.amazonaws.com", 443)
client.configureIAMCredentials("AKIA...", "secret", "session-token")
# Connect and publish
client.connect()
client.publish("web/data", '{"temperature": 25.0}', 1)
client.disconnect()
