#!/bin/bash
# make demo: the library built, installed and used by a C program over mutual TLS, counted by somebody else.
# With ENDPOINT, CA, CERT and KEY (and PORT, CLIENT_ID, TOPIC, COUNT if wanted) the same against AWS IoT.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
work="$root/.demo"
prefix="$work/prefix"
count=${COUNT:-20}
. tests/demo/broker.sh
unset MAKEFLAGS MFLAGS MAKELEVEL # of the `make demo` around this

trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

step() { printf '\n== %s\n' "$*"; }
fail() {
    printf 'demo failed: %s\n' "$*" >&2
    exit 1
}

endpoint=${ENDPOINT:-}
if [ -n "$endpoint" ]; then
    for name in CA CERT KEY; do
        [ -n "${!name:-}" ] || fail "with ENDPOINT, $name=FILE is needed too"
        [ -r "${!name}" ] || fail "$name=${!name} cannot be read"
    done
fi
case "$count" in
    '' | 0 | *[!0-9]*) fail "COUNT=$count is not a number of messages" ;;
esac

step "what this needs"
command -v cargo >/dev/null || [ -x "${HOME:-/}/.cargo/bin/cargo" ] || fail "no cargo: install stable Rust, see https://rustup.rs"
PATH="$PATH:${HOME:-/}/.cargo/bin"
needed=(cmake)
[ -n "$endpoint" ] || needed+=(mosquitto mosquitto-clients openssl)
tests/demo/requirements.sh "${needed[@]}" pkg-config
echo "everything is here"

step "building the library and installing it into $prefix"
mkdir -p "$work"
cmake -S cmake -B "$work/build" -DAWS_IOT_MQTT_CRYPTO=ring >"$work/configure.log" || fail "see $work/configure.log"
cmake --build "$work/build" || fail "the library does not build"
rm -rf "$prefix"
cmake --install "$work/build" --prefix "$prefix"
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"
echo "pkg-config finds version $(pkg-config --modversion aws_iot_mqtt)"

step "building the examples against the installed package"
cmake -S c-examples -B "$work/examples" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF >>"$work/configure.log" ||
    fail "see $work/configure.log"
cmake --build "$work/examples" || fail "the examples do not build"

# run_example ARGUMENT...: shows the output as it comes, sets published, acknowledged and received.
run_example() {
    local output="$work/basic_pubsub.log" status=0 line
    stdbuf -oL "$work/examples/basic_pubsub" --count "$count" "$@" 2>&1 </dev/null | tee "$output" || status=$?
    line=$(grep -E '^published [0-9]+, acknowledged [0-9]+, received [0-9]+$' "$output") ||
        fail "basic_pubsub ended with status $status before it had published"
    read -r published acknowledged received <<<"$(tr -dc '0-9 ' <<<"$line")"
    [ "$status" -eq 0 ] || fail "basic_pubsub ended with status $status"
}

# finish: the last line of every demo that worked.
finish() {
    if [ "$published" -ne "$acknowledged" ] || [ "$published" -ne "$received" ] || [ "$published" -ne "$count" ]; then
        fail "of $count messages $published were published, $acknowledged acknowledged, $received received"
    fi
    stop_all
    echo
    echo "demo: $published published, $acknowledged acknowledged, $received received"
}

if [ -n "$endpoint" ]; then
    step "publishing to $endpoint, and receiving through the program's own subscription"
    echo "the policy must allow iot:Connect, iot:Publish, iot:Subscribe and iot:Receive for this client id and topic"
    run_example --endpoint "$endpoint" --port "${PORT:-8883}" --ca "$CA" --cert "$CERT" --key "$KEY" \
        --client-id "${CLIENT_ID:-aws-iot-mqtt-demo}" --topic "${TOPIC:-aws-iot-mqtt/demo}"
    finish
    exit 0
fi

step "making a CA and certificates for the server, the client and a second client"
certificates="$work/certificates"
make_certificates "$certificates"
ls "$certificates"

step "starting mosquitto, which demands a certificate of its clients"
start_broker "$work/broker" "$certificates"
echo "listening on 127.0.0.1:$broker_port"
topic=${TOPIC:-aws-iot-mqtt/demo}

step "a client without a certificate"
without_certificate_is_refused "$certificates" "$topic" || fail "the broker does not demand certificates"
echo "was refused: $(grep -m1 "peer did not return a certificate" "$broker_log" | sed 's/.*SSL routines[^:]*:*//; s/.*:://')"

step "starting mosquitto_sub, with a certificate of its own, to count"
counted="$work/mosquitto_sub.log"
stdbuf -oL mosquitto_sub -d -h 127.0.0.1 -p "$broker_port" --cafile "$certificates/ca.pem" --cert "$certificates/subscriber.pem" \
    --key "$certificates/subscriber.key" -i demo-counter -q 1 -t "$topic" -F 'COUNTED %t' >"$counted" 2>&1 </dev/null &
counter=$!
remember "$counter"
count_received() { grep -c '^COUNTED ' "$counted" || true; }
enough_received() { [ "$(count_received)" -ge "$count" ]; }
# Only after the SUBACK will the broker pass on what is published.
until_deadline 10 grep -q '^Subscribed (mid: [0-9]*): 1' "$counted" || fail "mosquitto_sub was not subscribed: $(cat "$counted")"
echo "subscribed to $topic"

step "running basic_pubsub, the C example"
run_example --endpoint localhost --port "$broker_port" --ca "$certificates/ca.pem" --cert "$certificates/client.pem" \
    --key "$certificates/client.key" --client-id "${CLIENT_ID:-aws-iot-mqtt-demo}" --topic "$topic"

step "what mosquitto_sub counted"
until_deadline 10 enough_received || true
# It prints one line for each message and has seen all that the broker sent before it is ended.
kill "$counter"
wait "$counter" 2>/dev/null || true
received=$(count_received)
echo "$received messages on $topic"
finish
