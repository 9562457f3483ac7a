# 64-bit ARM with glibc (Raspberry Pi OS 64-bit, Graviton, most new boards). Debian: gcc-aarch64-linux-gnu; rustup target add aarch64-unknown-linux-gnu
#   cmake -S cmake -B build -DCMAKE_TOOLCHAIN_FILE=toolchains/aarch64-linux-gnu.cmake
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(AWS_IOT_MQTT_RUST_TARGET aarch64-unknown-linux-gnu CACHE STRING "Rust target triple")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
