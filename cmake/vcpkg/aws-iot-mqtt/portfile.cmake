# An overlay port inside the checkout that it builds: vcpkg install aws-iot-mqtt --overlay-ports=cmake/vcpkg
# It needs cargo (Rust 1.85 or newer). Cargo builds the optimized library only, so there is no debug build.
set(VCPKG_BUILD_TYPE release)
get_filename_component(SOURCE_PATH "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

set(crypto ring)
if("aws-lc-rs" IN_LIST FEATURES)
  set(crypto aws-lc-rs)
endif()
set(libraries static)
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
  set(libraries shared)
endif()
set(target "")
if(VCPKG_TARGET_ARCHITECTURE STREQUAL "arm64" AND NOT CMAKE_HOST_SYSTEM_PROCESSOR STREQUAL "aarch64")
  set(target aarch64-unknown-linux-gnu)
elseif(VCPKG_TARGET_ARCHITECTURE STREQUAL "arm" AND NOT CMAKE_HOST_SYSTEM_PROCESSOR MATCHES "^armv7")
  set(target armv7-unknown-linux-gnueabihf)
endif()

vcpkg_cmake_configure(
  SOURCE_PATH "${SOURCE_PATH}/cmake"
  OPTIONS
    "-DAWS_IOT_MQTT_CRYPTO=${crypto}"
    "-DAWS_IOT_MQTT_LIBRARIES=${libraries}"
    "-DAWS_IOT_MQTT_RUST_TARGET=${target}")
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(PACKAGE_NAME aws_iot_mqtt CONFIG_PATH lib/cmake/aws_iot_mqtt)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE "${CURRENT_PACKAGES_DIR}/share/doc")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
