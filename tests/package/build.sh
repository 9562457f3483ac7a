#!/bin/bash
# build.sh WORK: builds the library as a user does, by CMake, into WORK/build. Whoever needs the release library calls this with the
# same directory, so that it is built once. rustc is asked for the system libraries that the static library needs; see WORK/build.log.
set -euo pipefail
work=${1:?usage: build.sh WORK}
cd "$(dirname "$0")/../.."
# The package is built as a user builds it: nothing of a cargo or make around this may reach it. (Some build scripts run again, and all
# that depends on them is built again, when one of cargo's variables differs.)
for variable in "${!CARGO_@}"; do
    [ "$variable" = CARGO_HOME ] || unset "$variable"
done
unset CARGO OUT_DIR LD_LIBRARY_PATH MAKEFLAGS MFLAGS MAKELEVEL
command -v cmake >/dev/null || {
    echo "no cmake: apt-get install -y cmake" >&2
    exit 1
}
mkdir -p "$work"
cmake -S cmake -B "$work/build" -DAWS_IOT_MQTT_CRYPTO=ring >"$work/configure.log"
RUSTFLAGS="--print native-static-libs" cmake --build "$work/build" >"$work/build.log" 2>&1 || {
    cat "$work/build.log" >&2
    exit 1
}
