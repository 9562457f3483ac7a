#!/bin/bash
# managers.sh [WORK]: the Conan recipe, shared and static, in a Conan home of its own; the vcpkg port if there is a vcpkg. Conan is taken from
# the PATH, or fetched by pip into WORK. Each library is built anew, which takes minutes; so this is not a part of make test.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=${1:-$PWD/target/managers}
mkdir -p "$work"
unset MAKEFLAGS MFLAGS MAKELEVEL
conan=$(command -v conan || true)
if [ -z "$conan" ]; then
    conan="$work/python/bin/conan"
    [ -x "$conan" ] || {
        python3 -m venv "$work/python" && "$work/python/bin/pip" install -q 'conan>=2,<3'
    } || {
        echo "no conan: pip install conan (and apt-get install python3-venv)" >&2
        exit 1
    }
fi
export CONAN_HOME="$work/conan"
[ -e "$CONAN_HOME/profiles/default" ] || "$conan" profile detect >"$work/profile.log" 2>&1
for shared in True False; do
    log="$work/conan-$shared.log"
    "$conan" create cmake/conan --no-remote -o "aws_iot_mqtt/*:shared=$shared" -s compiler.cppstd=17 >"$log" 2>&1 &&
        grep -q "^aws_iot_mqtt .*: AWS_IOT_MQTT_OK$" "$log" || {
        cat "$log"
        echo "NOT SO: conan create with shared=$shared" >&2
        exit 1
    }
    echo "ok: conan create, shared=$shared"
done
if command -v vcpkg >/dev/null; then
    vcpkg install aws-iot-mqtt --classic --overlay-ports=cmake/vcpkg --x-install-root="$work/vcpkg"
    echo "ok: vcpkg install"
else
    echo "no vcpkg here: its port was not installed (tests/package/use.sh checks its version only)"
fi
