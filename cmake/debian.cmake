# Two Debian packages by CPack, built for the prefix /usr so that the files lie where Debian has them:
#   cmake -S cmake -B build -DAWS_IOT_MQTT_DEBIAN=ON -DAWS_IOT_MQTT_DEBIAN_MAINTAINER="NAME <ADDRESS>" -DCMAKE_INSTALL_PREFIX=/usr
#   cmake --build build && (cd build && cpack -G DEB)
option(AWS_IOT_MQTT_DEBIAN "Prepare for cpack -G DEB" OFF)
if(NOT AWS_IOT_MQTT_DEBIAN)
  return()
endif()
if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  message(FATAL_ERROR "AWS_IOT_MQTT_DEBIAN needs -DCMAKE_INSTALL_PREFIX=/usr, and it is ${CMAKE_INSTALL_PREFIX}")
endif()
set(AWS_IOT_MQTT_DEBIAN_MAINTAINER "" CACHE STRING "Who makes the package, as NAME <ADDRESS>")
if(NOT AWS_IOT_MQTT_DEBIAN_MAINTAINER MATCHES ".+ <.+@.+>$")
  message(FATAL_ERROR "AWS_IOT_MQTT_DEBIAN_MAINTAINER must say who makes the package: NAME <ADDRESS>")
endif()
set(runtime_name libaws-iot-mqtt${abi})
set(development_name libaws-iot-mqtt-dev)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME aws-iot-mqtt)
set(CPACK_PACKAGE_VENDOR "aws_iot_mqtt")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "MQTT client for AWS IoT Core")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_COMPONENTS_GROUPING ONE_PER_GROUP)
set(CPACK_DEB_COMPONENT_INSTALL ON)
# cpack takes what was built; otherwise it would start cargo again, in an environment that may differ.
set(CMAKE_SKIP_INSTALL_ALL_DEPENDENCY ON)
set(CPACK_STRIP_FILES OFF) # they are stripped when they are built
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${AWS_IOT_MQTT_DEBIAN_MAINTAINER}")
# The architecture of the target, where that is not this machine.
if(CMAKE_CROSSCOMPILING)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL "aarch64")
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE arm64)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^armv7")
    set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE armhf)
  else()
    message(FATAL_ERROR "no name of a Debian architecture is known for ${CMAKE_SYSTEM_PROCESSOR}")
  endif()
endif()
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME ${runtime_name})
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# By `shlibs` packages of programs find their dependency; by `triggers` ldconfig runs when the package comes and goes, as Debian
# wants it. (CPack adds scripts that call it too.)
file(WRITE "${PROJECT_BINARY_DIR}/debian/shlibs" "libaws_iot_mqtt ${abi} ${runtime_name} (>= ${PROJECT_VERSION})\n")
file(WRITE "${PROJECT_BINARY_DIR}/debian/triggers" "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/debian/shlibs" "${PROJECT_BINARY_DIR}/debian/triggers")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_name})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS "${runtime_name} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "A client for MQTT 3.1.1 over TLS, also over WebSocket, which reconnects,
queues and sends again. This package has the shared library that
programs need to run.")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "A client for MQTT 3.1.1 over TLS, also over WebSocket, which reconnects,
queues and sends again. This package has what programs need to be built:
headers for C and C++, the static library, and the files for CMake and
pkg-config.")

# What Debian asks of each package: its licence in this form, and a changelog.
string(TIMESTAMP year "%Y" UTC)
file(WRITE "${PROJECT_BINARY_DIR}/debian/copyright" "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: aws_iot_mqtt

Files: *
Copyright: ${year} the authors of aws_iot_mqtt
License: Apache-2.0
 On Debian systems the full text of the Apache License 2.0 is in
 /usr/share/common-licenses/Apache-2.0. The licences of what is linked in are
 listed in docs/dependencies.md of the source.
")
string(TIMESTAMP now "%a, %d %b %Y %H:%M:%S +0000" UTC) # SOURCE_DATE_EPOCH is respected
file(WRITE "${PROJECT_BINARY_DIR}/debian/changelog" "aws-iot-mqtt (${PROJECT_VERSION}) unstable; urgency=medium

  * Version ${PROJECT_VERSION}; CHANGELOG.md of the source has the news.

 -- ${AWS_IOT_MQTT_DEBIAN_MAINTAINER}  ${now}
")
find_program(GZIP gzip REQUIRED)
execute_process(COMMAND "${GZIP}" -9nf "${PROJECT_BINARY_DIR}/debian/changelog" COMMAND_ERROR_IS_FATAL ANY)
foreach(component runtime development)
  install(FILES "${PROJECT_BINARY_DIR}/debian/copyright" "${PROJECT_BINARY_DIR}/debian/changelog.gz"
    DESTINATION "share/doc/${${component}_name}" COMPONENT ${component})
endforeach()
include(CPack)
