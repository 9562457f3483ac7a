import aws_iot_mqtt as AWSIoTPyMQTT
# Create and configure client
client = AWSIoTPyMQTT.AWSIoTMQTTClient("myDevice")
client.configureEndpoint("endpoint.iot.region.amazonaws.com", 8883)
client.configureCredentials("rootCA.crt", "private.key", "certificate.crt")
# Configure auto-reconnect
client.configureAutoReconnectBackoffTime(1, 32, 20)
client.configureOfflinePublishQueueing(-1) # Infinite queue
client.configureDrainingFrequency(2) # 2 Hz
# Define message callback
def customCallback(client, userdata, message):
    print(f"Received message on {message.topic}: {message.payload.decode()}")
# Connect and subscribe
client.connect()
client.subscribe("device/data", 1, customCallback)
# Publish message
client.publish("device/status", "online", 0)
