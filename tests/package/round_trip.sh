#!/bin/bash
# round_trip.sh WORK: what a user of the package does. Builds it with CMake, installs it, MOVES the installed tree, builds the
# examples against it in every way that is offered, and runs each against a real mosquitto over mutual TLS.
# Called by tests/package.rs; prints a line for each thing that held.
set -euo pipefail
work=${1:?usage: round_trip.sh WORK}
cd "$(dirname "$0")/../.."
. tests/demo/broker.sh
unset MAKEFLAGS MFLAGS MAKELEVEL # of a `make test` around this
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for program in cmake cc c++ pkg-config mosquitto openssl readelf nm python3; do
    command -v "$program" >/dev/null || {
        echo "no $program: apt-get install -y cmake gcc g++ pkg-config mosquitto openssl binutils python3" >&2
        exit 1
    }
done
fail() {
    echo "NOT SO: $*" >&2
    exit 1
}
held() { echo "ok: $*"; }

# Only what is built stays from the last run: the library is the slow part.
rm -rf "$work"/{prefix,moved,stage,shared,static,find,pkg-config,broker}
mkdir -p "$work/pkg-config"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
abi=$(sed -n 's/^ *let abi = \([0-9]*\);.*/\1/p' build.rs)

# --- build and install
tests/package/build.sh "$work" || fail "cmake --build works"
DESTDIR="$work/stage" cmake --install "$work/build" --prefix /opt/aws_iot_mqtt >/dev/null
[ -e "$work/stage/opt/aws_iot_mqtt/lib/libaws_iot_mqtt.so" ] || fail "DESTDIR is respected"
held "DESTDIR is respected"
cmake --install "$work/build" --prefix "$work/prefix" >/dev/null
mv "$work/prefix" "$work/moved"
package="$work/moved"
library="$package/lib/libaws_iot_mqtt.so"

# --- what lies there
[ "$(readlink "$library")" = "libaws_iot_mqtt.so.$abi" ] || fail "libaws_iot_mqtt.so links to .so.$abi"
[ "$(readlink "$library.$abi")" = "libaws_iot_mqtt.so.$version" ] || fail "libaws_iot_mqtt.so.$abi links to .so.$version"
readelf -d "$library" | grep "SONAME.*\[libaws_iot_mqtt.so.$abi\]" >/dev/null || fail "the soname is libaws_iot_mqtt.so.$abi"
readelf -S --wide "$library" >"$work/sections.txt"
! grep -Eq ' \.(symtab|debug_)' "$work/sections.txt" || fail "the shared library is stripped"
foreign=$(nm -D --defined-only "$library" | awk '$3 !~ /^aws_iot_mqtt_/ {print $3}')
[ -z "$foreign" ] || fail "only aws_iot_mqtt_ is exported, but: $foreign"
for file in lib/libaws_iot_mqtt.a include/aws_iot_mqtt.h lib/pkgconfig/aws_iot_mqtt.pc; do
    [ -s "$package/$file" ] || fail "$file is installed"
done
(cd include && find . -name '*.hpp') | while read -r header; do
    cmp -s "include/$header" "$package/include/$header" || fail "include/$header is installed"
done
! grep -rqF -e "$work" -e "$PWD" "$package/lib/cmake" "$package/lib/pkgconfig" || fail "no path of this machine is in the package files"
held "links, soname, strip, exports, files"

export PKG_CONFIG_PATH="$package/lib/pkgconfig"
[ "$(pkg-config --modversion aws_iot_mqtt)" = "$version" ] || fail "pkg-config knows version $version"

# The C library and the compiler's own libgcc_s come with every link.
says=$(sed -n 's/^note: native-static-libs: //p' "$work/build.log" | tail -1 | tr ' ' '\n' | grep -vxE -- '-lc|-lgcc_s' | sort -u | tr '\n' ' ')
have=$(pkg-config --variable=static_libs aws_iot_mqtt | tr ' ' '\n' | grep '^-l' | sort -u | tr '\n' ' ')
[ -n "$says" ] || fail "rustc says which system libraries the static library needs"
[ "$says" = "$have" ] || fail "cmake/CMakeLists.txt lists what rustc says: rustc '$says', we '$have'"
held "system libraries of the static library: $have"

# --- a version that does not fit is refused
minor=${version%.*}
mkdir -p "$work/find"
cat >"$work/find/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.20)
project(find LANGUAGES C)
find_package(aws_iot_mqtt $minor CONFIG REQUIRED)
if(NOT aws_iot_mqtt_VERSION VERSION_EQUAL $version)
  message(FATAL_ERROR "found version \${aws_iot_mqtt_VERSION}")
endif()
find_package(aws_iot_mqtt $minor CONFIG REQUIRED) # twice is fine
find_package(aws_iot_mqtt ${minor%.*}.$((${minor#*.} + 1)) CONFIG QUIET)
if(aws_iot_mqtt_FOUND)
  message(FATAL_ERROR "a newer minor version was asked for, and $version was found to fit")
endif()
END
cmake -S "$work/find" -B "$work/find/build" -DCMAKE_PREFIX_PATH="$package" >>"$work/configure.log" || fail "find_package checks versions"
! cmake -S cmake -B "$work/find/crypto" -DAWS_IOT_MQTT_CRYPTO=rot13 >>"$work/configure.log" 2>&1 || fail "an unknown crypto provider is refused"
held "find_package checks versions"

# --- every way to link
strict="-Wall -Wextra -Wpedantic -Werror -pthread"
for kind in shared static; do
    shared_libs=ON
    [ "$kind" = shared ] || shared_libs=OFF
    cmake -S c-examples -B "$work/$kind" -DCMAKE_PREFIX_PATH="$package" -DBUILD_SHARED_LIBS=$shared_libs >>"$work/configure.log"
    cmake --build "$work/$kind" >"$work/$kind.log" 2>&1 || {
        cat "$work/$kind.log"
        fail "the examples build against the $kind library"
    }
done
pc_shared="$work/pkg-config/shared"
pc_static="$work/pkg-config/static"
pc_everything="$work/pkg-config/everything-static"
# shellcheck disable=SC2046,SC2086 # the words are meant to be split
{
    cc -std=c11 $strict c-examples/basic_pubsub.c -o "$pc_shared" $(pkg-config --cflags --libs aws_iot_mqtt)
    cc -std=c11 $strict c-examples/basic_pubsub.c -o "$pc_static" $(pkg-config --cflags aws_iot_mqtt) \
        $(pkg-config --variable=static_libs aws_iot_mqtt)
    # glibc warns that name resolution wants its shared libraries at run time; that is so for every static program.
    cc -std=c11 $strict c-examples/basic_pubsub.c -o "$pc_everything" -static $(pkg-config --static --cflags --libs aws_iot_mqtt) \
        2>"$work/static-link.log" || {
        cat "$work/static-link.log"
        fail "basic_pubsub links with -static"
    }
    c++ -std=c++17 $strict c-examples/basic_pubsub.cpp -o "$work/pkg-config/cpp" $(pkg-config --cflags --libs aws_iot_mqtt)
    # The program in the README: it would talk to AWS, so it is only built.
    sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d' >"$work/pkg-config/readme.c"
    cc -std=c11 $strict "$work/pkg-config/readme.c" -o "$work/pkg-config/readme" $(pkg-config --cflags --libs aws_iot_mqtt)
}
# (grep without -q, here and above: it would end at the first match, and pipefail takes the other side's SIGPIPE for a failure.)
needs_library() { readelf -d "$1" | grep "NEEDED.*\[libaws_iot_mqtt.so.$abi\]" >/dev/null; }
for program in "$work"/shared/{basic_pubsub,async_pubsub,basic_pubsub_cpp} "$pc_shared"; do
    needs_library "$program" || fail "$program is linked with the shared library, by its soname"
    LD_LIBRARY_PATH="$package/lib" ldd "$program" | grep -F "$package/lib/libaws_iot_mqtt.so.$abi" >/dev/null || fail "$program finds the moved library"
done
for program in "$work"/static/{basic_pubsub,async_pubsub,basic_pubsub_cpp} "$pc_static" "$pc_everything"; do
    ! needs_library "$program" || fail "$program has the library inside"
done
held "the examples and the program in the README build: CMake and pkg-config, shared and static"

# --- and every one runs
make_certificates "$work/certificates"
start_broker "$work/broker" "$work/certificates"
number=0
run() {
    number=$((number + 1))
    local output="$work/run-$number.log" wanted="published 5, acknowledged 5, received 5"
    timeout 60 "$@" --endpoint localhost --port "$broker_port" --ca "$work/certificates/ca.pem" --cert "$work/certificates/client.pem" \
        --key "$work/certificates/client.key" --client-id "round-trip-$number" --topic "round-trip/$number" --count 5 \
        >"$output" 2>&1 </dev/null && grep -qx "$wanted" "$output" || {
        cat "$output" "$broker_log"
        fail "$* says: $wanted"
    }
    held "$* ran"
}
for kind in shared static; do
    for example in basic_pubsub async_pubsub basic_pubsub_cpp; do
        run "$work/$kind/$example"
    done
done
run env LD_LIBRARY_PATH="$package/lib" "$pc_shared"
run env LD_LIBRARY_PATH="$package/lib" "$work/pkg-config/cpp"
run "$pc_static"
run "$pc_everything"
# --- the two examples of the reference and the one about being offline: their own words, and what the broker has seen
run_example() {
    local example=$1 wanted=$2 topic=$3 output="$work/run-$1.log"
    timeout 60 "$work/shared/$example" --endpoint localhost --port "$broker_port" --ca "$work/certificates/ca.pem" \
        --cert "$work/certificates/client.pem" --key "$work/certificates/client.key" --client-id "$example" --topic "examples/$example" \
        --count 5 >"$output" 2>&1 </dev/null && grep -q "$wanted" "$output" &&
        until_deadline 10 grep -q "Received PUBLISH from $example .*'$topic'" "$broker_log" || {
        cat "$output" "$broker_log"
        fail "$example says: $wanted"
    }
    held "$example ran"
}
run_example reference_basic_pubsub '^published "online" to ' examples/reference_basic_pubsub/device/status
run_example reference_async '^Published message mid: 2$' examples/reference_async/async/topic
run_example offline '^queued 5, delivered 5, lost 0$' examples/offline
# Its lines come from standard input; it ends with them.
echo "from a loop" | timeout 60 "$work/shared/poll_loop" --endpoint localhost --port "$broker_port" --ca "$work/certificates/ca.pem" \
    --cert "$work/certificates/client.pem" --key "$work/certificates/client.key" --client-id poll_loop --topic examples/poll_loop \
    >"$work/run-poll_loop.log" 2>&1 && grep -q '^1 published, 1 acknowledged$' "$work/run-poll_loop.log" || {
    cat "$work/run-poll_loop.log" "$broker_log"
    fail "poll_loop says: 1 published, 1 acknowledged"
}
held "poll_loop ran"
# Its --clients takes the place of --count.
timeout 60 "$work/shared/fleet" --clients 5 --every 1 --seconds 3 --endpoint localhost --port "$broker_port" --ca "$work/certificates/ca.pem" \
    --cert "$work/certificates/client.pem" --key "$work/certificates/client.key" --client-id fleet --topic examples/fleet \
    >"$work/run-fleet.log" 2>&1 </dev/null && grep -q '^published .* failed 0$' "$work/run-fleet.log" || {
    cat "$work/run-fleet.log" "$broker_log"
    fail "fleet says: failed 0"
}
held "fleet ran"
run_example doctor '^all is well$' examples/doctor
# --- end of these

# --- the guide's pages, block by block
tests/package/guide.sh "$work" "$package" "$broker_port" "$work/certificates" || fail "the guide's install page can be followed"

# Without its certificate a client must not get in: this is what makes the runs above mean something.
without_certificate_is_refused "$work/certificates" round-trip/refused || fail "the broker demands certificates"
held "the broker demands certificates"
# An example that cannot do its work must say so.
if "$work/shared/basic_pubsub" --endpoint localhost >"$work/usage.log" 2>&1; then
    fail "basic_pubsub without certificates fails"
fi
grep -q usage "$work/usage.log" || fail "basic_pubsub without certificates prints its usage"
held "round trip complete"
