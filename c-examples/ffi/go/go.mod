module example/aws-iot-mqtt

go 1.19
