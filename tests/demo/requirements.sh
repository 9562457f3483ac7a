#!/bin/bash
# requirements.sh PACKAGE...: makes sure that these Debian packages' programs are here. As root it installs what is missing;
# otherwise it says the exact command and stops.
set -euo pipefail
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" # mosquitto lives there, and a user's PATH may not have it

program_of() {
    case "$1" in
        iproute2) echo tc ;;
        nftables) echo nft ;;
        softhsm2) echo softhsm2-util ;;
        opensc) echo pkcs11-tool ;;
        mosquitto-clients) echo mosquitto_sub ;;
        binutils) echo nm ;;
        tinyproxy-bin) echo tinyproxy ;;
        nodejs) echo node ;;
        golang-go) echo go ;;
        clang) echo clang++ ;;
        dpkg-dev) echo dpkg-shlibdeps ;;
        gnuplot-nox) echo gnuplot ;;
        *) echo "$1" ;;
    esac
}

is_here() {
    case "$1" in
        libp11-kit-dev) pkg-config --exists p11-kit-1 ;;
        libssl-dev) pkg-config --exists libcrypto ;;
        libmosquitto-dev) [ -e /usr/include/mosquitto.h ] ;;
        libpaho-mqtt-dev) [ -e /usr/include/MQTTAsync.h ] ;;
        *) command -v "$(program_of "$1")" >/dev/null ;;
    esac
}

missing=()
for package in "$@"; do
    is_here "$package" 2>/dev/null || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "missing (names of Debian packages): ${missing[*]}" >&2
    echo "this system has no apt-get: install them its own way, then run this again" >&2
    exit 1
fi
if [ "$(id -u)" -ne 0 ]; then
    echo "missing: ${missing[*]}. Install them with:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq </dev/null
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
for package in "${missing[@]}"; do
    is_here "$package" || {
        echo "apt-get installed $package, but it is still not found" >&2
        exit 1
    }
done
