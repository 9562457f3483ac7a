"""The recipe for Conan 2: `conan create cmake/conan` in a checkout. It needs cargo (Rust 1.85 or newer) on the machine that builds."""

import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

# Rust's names of the targets that were built; see docs/platforms.md.
RUST_TARGETS = {"armv8": "aarch64-unknown-linux-gnu", "armv7hf": "armv7-unknown-linux-gnueabihf", "x86_64": "x86_64-unknown-linux-gnu"}


class AwsIotMqtt(ConanFile):
    name = "aws_iot_mqtt"
    description = "MQTT client for AWS IoT: reconnects, queues and sends again; C and C++"
    license = "Apache-2.0"
    topics = ("mqtt", "aws", "iot")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "crypto": ["ring", "aws-lc-rs"]}
    default_options = {"shared": True, "crypto": "ring"}

    def _checkout(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        # It is written in one place.
        cargo_toml = load(self, os.path.join(self._checkout(), "Cargo.toml"))
        self.version = re.search(r'^version = "(.*)"', cargo_toml, re.MULTILINE).group(1)

    def export_sources(self):
        for pattern in ("Cargo.toml", "Cargo.lock", "build.rs", "LICENSE", "README.md", "src/*", "include/*", "cmake/*"):
            copy(self, pattern, src=self._checkout(), dst=self.export_sources_folder, excludes=("cmake/conan/*", "cmake/vcpkg/*"))

    def configure(self):
        # The library is plain C to those who link it.
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def validate(self):
        if self.settings.os != "Linux" or str(self.settings.arch) not in RUST_TARGETS:
            raise ConanInvalidConfiguration(f"this recipe was made for Linux on {', '.join(RUST_TARGETS)}")

    def package_id(self):
        # Cargo builds the optimized library whatever the type of the program's build is.
        del self.info.settings.build_type

    def layout(self):
        cmake_layout(self, src_folder=".")

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["AWS_IOT_MQTT_CRYPTO"] = str(self.options.crypto)
        toolchain.cache_variables["AWS_IOT_MQTT_LIBRARIES"] = "shared" if self.options.shared else "static"
        if self.settings_build.arch != self.settings.arch:
            toolchain.cache_variables["AWS_IOT_MQTT_RUST_TARGET"] = RUST_TARGETS[str(self.settings.arch)]
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure(build_script_folder="cmake")
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        # Conan makes the files for CMake and pkg-config itself.
        for folder in ("lib/cmake", "lib/pkgconfig", "share"):
            rmdir(self, os.path.join(self.package_folder, folder))

    def package_info(self):
        self.cpp_info.libs = ["aws_iot_mqtt"]
        self.cpp_info.set_property("cmake_file_name", "aws_iot_mqtt")
        self.cpp_info.set_property("cmake_target_name", "aws_iot_mqtt::aws_iot_mqtt")
        self.cpp_info.set_property("pkg_config_name", "aws_iot_mqtt")
        if not self.options.shared:
            self.cpp_info.system_libs = ["pthread", "m", "dl", "rt", "util"]
