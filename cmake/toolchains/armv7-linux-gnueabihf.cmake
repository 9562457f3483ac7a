# 32-bit ARM v7 with hardware floating point and glibc. Debian: gcc-arm-linux-gnueabihf; rustup target add armv7-unknown-linux-gnueabihf
#   cmake -S cmake -B build -DCMAKE_TOOLCHAIN_FILE=toolchains/armv7-linux-gnueabihf.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(CMAKE_LIBRARY_ARCHITECTURE arm-linux-gnueabihf)
set(CMAKE_C_COMPILER arm-linux-gnueabihf-gcc)
set(CMAKE_CXX_COMPILER arm-linux-gnueabihf-g++)
set(AWS_IOT_MQTT_RUST_TARGET armv7-unknown-linux-gnueabihf CACHE STRING "Rust target triple")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
