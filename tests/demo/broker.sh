# shellcheck shell=bash
# To be sourced: certificates, and a mosquitto on loopback that lets in nobody without one.
# Everything that is started here or handed to `remember` is ended by `stop_all`, by its process id.

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
started=()

remember() { started+=("$1"); }

stop_all() {
    local pid
    for pid in ${started[@]+"${started[@]}"}; do
        kill "$pid" 2>/dev/null || true
    done
    for pid in ${started[@]+"${started[@]}"}; do
        wait "$pid" 2>/dev/null || true
    done
    started=()
}

# until_deadline SECONDS COMMAND...: true as soon as the command is true, false when the time is up.
until_deadline() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.02
    done
}

# signed_certificate DIRECTORY NAME USAGE [SAN]: NAME.key and NAME.pem, signed by the CA in DIRECTORY.
signed_certificate() {
    local directory=$1 name=$2 usage=$3 san=${4:-}
    {
        echo "basicConstraints=critical,CA:FALSE"
        echo "keyUsage=critical,digitalSignature"
        echo "extendedKeyUsage=$usage"
        [ -z "$san" ] || echo "subjectAltName=$san"
    } >"$directory/$name.ext"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
        -keyout "$directory/$name.key" -out "$directory/$name.csr" 2>>"$directory/openssl.log"
    openssl x509 -req -in "$directory/$name.csr" -CA "$directory/ca.pem" -CAkey "$directory/ca.key" -CAcreateserial \
        -days 365 -extfile "$directory/$name.ext" -out "$directory/$name.pem" 2>>"$directory/openssl.log"
    rm "$directory/$name.csr" "$directory/$name.ext"
}

certificates_are_good() {
    local directory=$1 name
    for name in ca server client subscriber; do
        openssl x509 -in "$directory/$name.pem" -noout -checkend 86400 >/dev/null 2>&1 || return 1
        [ -s "$directory/$name.key" ] || return 1
        openssl verify -CAfile "$directory/ca.pem" "$directory/$name.pem" >/dev/null 2>&1 || return 1
    done
}

# make_certificates DIRECTORY: ca, server (127.0.0.1, localhost), client and subscriber; kept while they hold for another day.
make_certificates() {
    local directory=$1
    if certificates_are_good "$directory"; then
        return 0
    fi
    rm -rf "$directory"
    (
        umask 077 # the keys are nobody else's business
        mkdir -p "$directory"
        {
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -subj "/CN=demo CA" \
                -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign,cRLSign" \
                -keyout "$directory/ca.key" -out "$directory/ca.pem" 2>>"$directory/openssl.log" &&
                signed_certificate "$directory" server serverAuth "IP:127.0.0.1,DNS:localhost" &&
                signed_certificate "$directory" client clientAuth &&
                signed_certificate "$directory" subscriber clientAuth
        }
    ) && certificates_are_good "$directory" || {
        echo "openssl could not make the certificates:" >&2
        cat "$directory/openssl.log" >&2
        return 1
    }
}

# A mere connect proves nothing, another program may own the port: mosquitto's own word comes first.
broker_is_up() { grep -q "mosquitto version .* running" "$1"; }
broker_is_up_or_dead() { broker_is_up "$1" || ! kill -0 "$2" 2>/dev/null; }
port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_broker DIRECTORY CERTIFICATES: a mosquitto that demands client certificates. Sets broker_port and broker_log.
start_broker() {
    local directory=$1 certificates=$2 pid
    mkdir -p "$directory"
    broker_log="$directory/mosquitto.log"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        # Below the range that the system hands out to outgoing connections; if it is taken, mosquitto ends at once and we draw again.
        broker_port=$((20000 + RANDOM % 12000))
        {
            echo "listener $broker_port 127.0.0.1"
            echo "cafile $certificates/ca.pem"
            echo "certfile $certificates/server.pem"
            echo "keyfile $certificates/server.key"
            echo "require_certificate true"
            echo "use_identity_as_username true"
            echo "log_type all"
            # Started by root it would become the user mosquitto, who cannot read the key.
            [ "$(id -u)" -ne 0 ] || echo "user root"
        } >"$directory/mosquitto.conf"
        : >"$broker_log"
        mosquitto -c "$directory/mosquitto.conf" >"$broker_log" 2>&1 </dev/null &
        pid=$!
        remember "$pid"
        until_deadline 10 broker_is_up_or_dead "$broker_log" "$pid" || break
        if broker_is_up "$broker_log" && kill -0 "$pid" 2>/dev/null; then
            until_deadline 10 port_answers "$broker_port" && return 0
        fi
        grep -q "Address already in use" "$broker_log" || break
    done
    echo "mosquitto did not start:" >&2
    cat "$broker_log" >&2
    return 1
}

# without_certificate_is_refused CERTIFICATES TOPIC: the broker must end the connection of a client that shows none.
without_certificate_is_refused() {
    local certificates=$1 topic=$2 status=0 output
    output=$(timeout 10 mosquitto_pub -h 127.0.0.1 -p "$broker_port" --cafile "$certificates/ca.pem" -q 1 -t "$topic" \
        -m "from a client without a certificate" 2>&1 </dev/null) || status=$?
    if [ "$status" -eq 0 ]; then
        echo "the broker let in a client without a certificate" >&2
        return 1
    fi
    # Failing is not enough: it must have failed for this reason.
    if ! until_deadline 5 grep -q "peer did not return a certificate" "$broker_log"; then
        echo "mosquitto_pub failed ($status), but not for want of a certificate: $output" >&2
        return 1
    fi
}
