//! `replay TARGET FILE...` runs a target on each file. It needs `--cfg fuzzing` and no fuzzer.

fn main() {
    let mut arguments = std::env::args().skip(1);
    let target = arguments.next().expect("the name of a target");
    for file in arguments {
        let data = std::fs::read(&file).unwrap_or_else(|why| panic!("{file}: {why}"));
        aws_iot_mqtt::fuzzing::run(&target, &data);
    }
}
