import aws_iot_mqtt as AWSIoTPyMQTT
client = AWSIoTPyMQTT.AWSIoTMQTTClient("asyncClient")
client.configureEndpoint("endpoint.iot.region.amazonaws.com", 8883)
client.configureCredentials("rootCA.crt", "private.key", "certificate.crt")
# Async connection callback
def connackCallback(mid, data):
    print(f"Connected with mid: {mid}, result: {data}")
# Async publish callback
def pubackCallback(mid):
    print(f"Published message mid: {mid}")
# Connect asynchronously
mid = client.connectAsync(ackCallback=connackCallback)
print(f"Connection request sent with mid: {mid}")
# Publish asynchronously
pub_mid = client.publishAsync("async/topic", "hello", 1, pubackCallback)
print(f"Publish request sent with mid: {pub_mid}")
