#!/bin/bash
# use.sh WORK: the other ways to the library, with what tests/package/build.sh has built in WORK: as a part of another CMake project
# (add_subdirectory, and FetchContent from a directory and from a tag in git), one kind of library only, the vcpkg port, and Debian packages
# that come and go without a trace.
# Called by tests/package.rs; prints a line for each thing that held.
set -euo pipefail
work=${1:?usage: use.sh WORK}
cd "$(dirname "$0")/../.."
root=$PWD
unset MAKEFLAGS MFLAGS MAKELEVEL # of a `make test` around this
for program in cmake cc git pkg-config dpkg-deb lintian fakeroot; do
    command -v "$program" >/dev/null || {
        echo "no $program: apt-get install -y cmake gcc git pkg-config dpkg-dev lintian fakeroot" >&2
        exit 1
    }
done
fail() {
    echo "NOT SO: $*" >&2
    exit 1
}
held() { echo "ok: $*"; }

rm -rf "$work"/use
mkdir -p "$work"/use/{add_subdirectory,FetchContent,FetchContent_git}
tests/package/build.sh "$work" || fail "cmake --build works"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
# Cargo compiles nothing again with the same directory and the same flags as build.sh.
export RUSTFLAGS="--print native-static-libs"
shared_cargo="-DAWS_IOT_MQTT_CARGO_TARGET_DIR=$work/build/cargo"

# quietly LOG COMMAND...
quietly() {
    local log=$1
    shift
    "$@" >>"$log" 2>&1 || {
        cat "$log"
        fail "$*"
    }
}
runs() {
    "$@" >"$work/use/says.log" && grep -q "^aws_iot_mqtt $version: AWS_IOT_MQTT_OK$" "$work/use/says.log" || fail "$* says version $version and OK"
}

# --- from source, as a part of another project
echo "add_subdirectory(\"$root/cmake\" aws_iot_mqtt)" >"$work/use/add_subdirectory/get.cmake"
cat >"$work/use/FetchContent/get.cmake" <<END
include(FetchContent)
FetchContent_Declare(aws_iot_mqtt SOURCE_DIR "$root" SOURCE_SUBDIR cmake)
FetchContent_MakeAvailable(aws_iot_mqtt)
END
# A bare repository with a tag, made of the files as they are here: a copy of a project may be without its history.
tagged="$work/use/tagged"
mkdir "$tagged"
tar -C "$root" -cf - Cargo.toml Cargo.lock LICENSE build.rs src include cmake | tar -C "$tagged" -xf -
git_there() {
    git -C "$tagged" -c user.name=test -c user.email=test@localhost -c commit.gpgsign=false -c tag.gpgsign=false "$@"
}
quietly "$work/use/git.log" git_there init
quietly "$work/use/git.log" git_there add --all --force
quietly "$work/use/git.log" git_there commit --message "as here"
quietly "$work/use/git.log" git_there tag "v$version"
quietly "$work/use/git.log" git clone --bare "$tagged" "$work/use/tagged.git"
cat >"$work/use/FetchContent_git/get.cmake" <<END
include(FetchContent)
FetchContent_Declare(aws_iot_mqtt GIT_REPOSITORY "file://$work/use/tagged.git" GIT_TAG v$version GIT_SHALLOW TRUE SOURCE_SUBDIR cmake)
FetchContent_MakeAvailable(aws_iot_mqtt)
END
for way in add_subdirectory FetchContent FetchContent_git; do
    here="$work/use/$way"
    cat >"$here/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.20)
project(user LANGUAGES C)
include(get.cmake)
foreach(kind aws_iot_mqtt shared static)
  add_executable(uses_\${kind} "$root/cmake/conan/test_package/uses.c")
  target_link_libraries(uses_\${kind} PRIVATE aws_iot_mqtt::\${kind})
endforeach()
install(TARGETS uses_static)
END
    quietly "$here/log" cmake -S "$here" -B "$here/build" "$shared_cargo"
    quietly "$here/log" cmake --build "$here/build"
    for kind in aws_iot_mqtt shared static; do
        runs "$here/build/uses_$kind"
    done
    quietly "$here/log" cmake --install "$here/build" --prefix "$here/prefix"
    [ ! -e "$here/prefix/include" ] || fail "the library is installed only when the project asks for it"
    held "$way gives the targets of the installed package"
done

# --- one kind of library
for kind in shared static; do
    here="$work/use/only_$kind"
    quietly "$here.log" cmake -S cmake -B "$here" "$shared_cargo" -DAWS_IOT_MQTT_LIBRARIES=$kind
    quietly "$here.log" cmake --build "$here"
    quietly "$here.log" cmake --install "$here" --prefix "$here/prefix"
    files=$(cd "$here/prefix/lib" && ls -d libaws_iot_mqtt.*)
    if [ $kind = shared ]; then
        [[ $files != *.a* ]] || fail "no static library where only the shared one was asked for: $files"
    else
        [ "$files" = libaws_iot_mqtt.a ] || fail "only the static library: $files"
        # shellcheck disable=SC2046 # the words are meant to be split
        PKG_CONFIG_PATH="$here/prefix/lib/pkgconfig" && export PKG_CONFIG_PATH &&
            cc cmake/conan/test_package/uses.c -o "$here/uses" $(pkg-config --cflags --libs aws_iot_mqtt)
        runs "$here/uses"
    fi
    quietly "$here.log" cmake -S cmake/conan/test_package -B "$here/user" -DCMAKE_PREFIX_PATH="$here/prefix"
    quietly "$here.log" cmake --build "$here/user"
    runs "$here/user/uses"
done
held "one kind of library alone"

# --- the versions in the port and here are one
grep -q "\"version\": \"$version\"" cmake/vcpkg/aws-iot-mqtt/vcpkg.json || fail "the vcpkg port has version $version"
held "the vcpkg port has this version"

# --- Debian packages
deb="$work/use/deb"
quietly "$deb.log" cmake -S cmake -B "$deb" "$shared_cargo" -DAWS_IOT_MQTT_DEBIAN=ON -DCMAKE_INSTALL_PREFIX=/usr \
    "-DAWS_IOT_MQTT_DEBIAN_MAINTAINER=Test <test@localhost>"
quietly "$deb.log" cmake --build "$deb"
(cd "$deb" && quietly "$deb.log" cpack -G DEB)
packages=("$deb"/libaws-iot-mqtt0_"$version"_*.deb "$deb"/libaws-iot-mqtt-dev_"$version"_*.deb)
# The maintainer above is nobody, which lintian sees. CPack adds scripts that call ldconfig, and cannot be told not to; beside the trigger they do no harm.
lintian --fail-on error,warning --allow-root \
    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog,maintscript-calls-ldconfig "${packages[@]}" ||
    fail "lintian has nothing against the packages"
held "lintian has nothing against the packages"
system="$work/use/system"
mkdir -p "$system"/var/lib/dpkg/{info,updates,triggers}
touch "$system"/var/lib/dpkg/{status,available}
# An empty system: the C library that the packages depend on is that of this machine, and so is the shell for their scripts, which must not
# touch this machine's list of libraries.
mkdir "$work/use/bin"
printf '#!/bin/sh\nexit 0\n' >"$work/use/bin/ldconfig"
chmod +x "$work/use/bin/ldconfig"
dpkg_there() {
    PATH="$work/use/bin:$PATH:/usr/sbin:/sbin" fakeroot dpkg --root="$system" --force-not-root --force-depends --force-script-chrootless \
        --log=/dev/null "$@"
}
quietly "$deb.log" dpkg_there --install "${packages[@]}"
dpkg_there --status libaws-iot-mqtt0 | grep -qx "Status: install ok .*" || fail "libaws-iot-mqtt0 is installed"
quietly "$deb.log" cmake -S cmake/conan/test_package -B "$deb/user" -DCMAKE_PREFIX_PATH="$system/usr"
quietly "$deb.log" cmake --build "$deb/user"
runs "$deb/user/uses"
quietly "$deb.log" dpkg_there --purge libaws-iot-mqtt-dev libaws-iot-mqtt0
left=$(find "$system" -path "$system/var" -prune -o ! -type d -print)
[ -z "$left" ] || fail "nothing is left of removed packages: $left"
held "Debian packages are installed, used and removed"
held "uses complete"
