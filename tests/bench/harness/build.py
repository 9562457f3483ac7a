"""What is measured: our installed release library, the sink, and a driver program for each party."""

import os
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "tests/bench"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
WORK = TARGET / "bench"
RUST = WORK / "rust" / "release"
PREFIX = WORK / "prefix"
CC = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread"]
# In the order in which the linker needs them.
AWS_LIBRARIES = ["aws-c-mqtt", "aws-c-http", "aws-c-compression", "aws-c-io", "aws-c-cal", "s2n", "aws-c-common", "crypto"]


# The same library with the other provider of cryptography; measured where TLS makes a difference.
OTHER_PROVIDER = "ours-aws-lc"
# The ceiling with our own provider; measured where a handshake is.
RAW_RING = "raw-ring"


def run(command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def build(aws_prefix):
    """Builds all; gives the drivers by name, the raw ceiling first and ours last."""
    WORK.mkdir(parents=True, exist_ok=True)
    # The same directory as that of tests/package.rs: the library is built once.
    package = TARGET / "tmp" / "package"
    run([ROOT / "tests/package/build.sh", package])
    run(["cmake", "--install", package / "build", "--prefix", PREFIX])
    without_ours = {name: value for name, value in os.environ.items() if name != "CARGO_TARGET_DIR"}
    run(["cargo", "build", "--release", "--locked", "--target-dir", WORK / "rust"], cwd=BENCH / "rust", env=without_ours)
    ours = [f"-I{PREFIX}/include", f"-L{PREFIX}/lib", f"-Wl,-rpath,{PREFIX}/lib", "-laws_iot_mqtt"]
    compile_c("libmosquitto", ["-lmosquitto"])
    compile_c("paho", ["-lpaho-mqtt3as"])
    compile_c("ours", ours)
    compile_c("growth", ours)
    run(["cargo", "build", "--release", "--locked", "--package", "driver-raw", "--no-default-features", "--features", "ring",
         "--target-dir", WORK / "rust-ring"], cwd=BENCH / "rust", env=without_ours)
    drivers = {"raw": RUST / "driver-raw", RAW_RING: WORK / "rust-ring/release/driver-raw", "libmosquitto": WORK / "libmosquitto", "paho-c": WORK / "paho",
               "rumqttc": RUST / "driver-rumqttc"}
    if aws_prefix:
        libraries = [Path(aws_prefix) / "lib" / f"lib{name}.a" for name in AWS_LIBRARIES]
        compile_c("aws_c_mqtt", [f"-I{aws_prefix}/include", *libraries, "-ldl", "-lm"])
        drivers["aws-c-mqtt"] = WORK / "aws_c_mqtt"
    drivers["ours"] = WORK / "ours"
    drivers[OTHER_PROVIDER] = with_other_provider(without_ours)
    return drivers


def with_other_provider(environment):
    target = WORK / "aws-lc"
    run(["cargo", "rustc", "--release", "--locked", "--lib", "--crate-type", "cdylib", "--no-default-features", "--features", "aws-lc-rs",
         "--target-dir", target], cwd=ROOT, env=environment)
    library = target / "lib"
    library.mkdir(exist_ok=True)
    shutil.copy(target / "release/libaws_iot_mqtt.so", library / "libaws_iot_mqtt.so.0")
    driver = WORK / "ours_aws_lc"
    run([*CC, "-o", driver, BENCH / "c/ours.c", f"-I{PREFIX}/include", library / "libaws_iot_mqtt.so.0", f"-Wl,-rpath,{library}"])
    return driver


def compile_c(name, libraries):
    run([*CC, "-o", WORK / name, BENCH / "c" / f"{name}.c", *libraries])


def versions(drivers):
    """What was measured, by name."""
    def debian(package):
        return run(["dpkg-query", "-W", "-f", "${Version}", package]) + " (Debian)"

    lock = (BENCH / "rust" / "Cargo.lock").read_text()
    def crate(name):
        return re.search(rf'name = "{name}"\nversion = "([^"]+)"', lock).group(1)

    version = re.search(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.M).group(1)
    commit = run(["git", "-C", ROOT, "describe", "--always", "--dirty", "--exclude=*"]).strip() if shutil.which("git") else "?"
    found = {
        "ours": f"aws_iot_mqtt {version}, commit {commit}, default settings, rustls with ring",
        OTHER_PROVIDER: "the same, rustls with aws-lc-rs, which raw and rumqttc have, too (aws-c-mqtt has AWS-LC itself); not measured over plain TCP",
        "libmosquitto": f"libmosquitto {debian('libmosquitto1')}, its threaded loop",
        "paho-c": f"paho.mqtt.c {debian('libpaho-mqtt1.3')}, MQTTAsync",
        "rumqttc": f"rumqttc {crate('rumqttc')}, its synchronous Client",
        "aws-c-mqtt": "aws-c-mqtt, its MQTT 3.1.1 client, one event-loop thread, from the given static libraries",
        RAW_RING: "the same as raw, rustls with ring; measured for connecting only",
        "raw": f"no client: packets made before, in large pieces on a blocking socket; with TLS rustls {crate('rustls')}",
    }
    return {name: found[name] for name in drivers}


def certificates():
    """An authority, a server and a client for each kind of key; made once."""
    directory = WORK / "certificates"
    if (directory / "ec-client.pem").exists():
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n"
                          "extendedKeyUsage=serverAuth,clientAuth\nkeyUsage=digitalSignature,keyEncipherment\n")
    algorithms = {"rsa": ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
                  "ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:named_curve"]}
    for kind, algorithm in algorithms.items():
        ca = directory / f"{kind}-ca"
        for who in ("ca", "server", "client"):
            run(["openssl", "genpkey", "-algorithm", *algorithm, "-out", directory / f"{kind}-{who}.key"])
        run(["openssl", "req", "-x509", "-new", "-key", f"{ca}.key", "-sha256", "-days", "3650", "-subj", f"/CN=bench {kind} CA",
             "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", f"{ca}.pem"])
        for who in ("server", "client"):
            base = directory / f"{kind}-{who}"
            run(["openssl", "req", "-new", "-key", f"{base}.key", "-subj", f"/CN={who}", "-out", f"{base}.csr"])
            run(["openssl", "x509", "-req", "-in", f"{base}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
                 "-sha256", "-days", "3650", "-extfile", extensions, "-out", f"{base}.pem"])
    return directory
