#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| aws_iot_mqtt::fuzzing::run("c_api", data));
