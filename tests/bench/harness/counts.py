"""What does not depend on the machine's load: instructions, system calls, and sizes of libraries. And idle clients."""

import re
import shutil
import subprocess

from . import build
from .runs import CLIENT_CORE, Sink, once

PATHS = ("pub_qos0", "pub_qos1", "recv_qos0", "recv_qos1")
# libmosquitto waits by select(), which knows no file number above 1,023. Paho takes more than a second for each.
FEW = {"libmosquitto": 300, "paho-c": 10}


def per_message(drivers, quick, say):
    """Each the slope between two counts, so that start and end cancel out."""
    few, many = (1_000, 5_000) if quick else (2_000, 12_000)
    rows = []
    with Sink() as sink:
        for name, driver in drivers.items():
            if name in (build.OTHER_PROVIDER, build.RAW_RING):
                continue
            say(f"counts: {name}")
            for path in PATHS:
                row = {"name": name, "path": path}
                for what, count in (("instructions", callgrind), ("system_calls", system_calls)):
                    values = [count(driver, sink.options(path, messages)) for messages in (few, many)]
                    if None not in values:
                        row[what] = (values[1] - values[0]) / (many - few)
                rows.append(row)
    return rows


def callgrind(driver, options):
    command = ["valgrind", "--tool=callgrind", "--fair-sched=yes", "--callgrind-out-file=/dev/null"]
    done = pinned([*command, driver, *options])
    found = re.findall(r"Collected : (\d+)", done.stderr)
    return int(found[-1]) if found and done.stdout.strip() else None


def system_calls(driver, options):
    """By perf, where it is there and may: strace slows each call and so changes what a thread finds to do at its next one."""
    if not shutil.which("perf"):
        return strace(driver, options)
    done = pinned(["perf", "stat", "-x,", "-e", "raw_syscalls:sys_enter", driver, *options])
    found = re.search(r"^(\d+),,raw_syscalls:sys_enter", done.stderr, re.M)
    return int(found.group(1)) if found and done.stdout.strip() else strace(driver, options)


def strace(driver, options):
    file = build.WORK / "strace"
    done = pinned(["strace", "-f", "-c", "-o", file, driver, *options])
    found = re.findall(r"^100\.00\s+\S+\s+(?:\S+\s+)?(\d+)(?:\s+\d+)? total", file.read_text(), re.M)
    return int(found[-1]) if found and done.stdout.strip() else None


def pinned(command):
    words = ["taskset", "-c", CLIENT_CORE, *map(str, command)]
    return subprocess.run(words, capture_output=True, text=True, timeout=300)


def idle(drivers, counts, say):
    rows = []
    with Sink() as sink:
        for transport in ("plain", "tls"):
            for clients in counts:
                for name, driver in drivers.items():
                    if name in (build.OTHER_PROVIDER, build.RAW_RING) or (clients > FEW.get(name, clients) and clients != counts[0]):
                        continue
                    really = min(clients, FEW.get(name, clients))
                    say(f"idle: {really} clients of {name}, {transport}")
                    result = once(driver, sink.options("idle_many", really, tls=int(transport == "tls")), sink)
                    kept = ("rss_per_client_kib", "threads", "idle_cpu_ms", "connect_all_s", "error")
                    rows.append({"transport": transport, "clients": really, "asked": clients, "name": name}
                                | {field: result[field] for field in kept if field in result})
    return rows


LIBC = ("linux-vdso", "libc.so", "libm.so", "libpthread", "libdl.so", "librt.so", "ld-linux", "libgcc_s")


def sizes(drivers):
    """Bytes, stripped: of the library or, where it is linked in statically, of the driver; and of what else is loaded beside libc."""
    rows = []
    for name, driver in drivers.items():
        if name == build.RAW_RING:
            continue
        loaded = re.findall(r"=> (\S+) \(", build.run(["ldd", driver]))
        loaded = [file for file in loaded if not any(word in file for word in LIBC)]
        library = [file for file in loaded if any(word in file for word in ("mosquitto", "paho", "aws_iot_mqtt"))]
        others = [file for file in loaded if file not in library]
        what = library[0] if library else str(driver)
        rows.append({"name": name, "what": what.rsplit("/", 1)[1] if library else "the whole program, all linked in",
                     "bytes": stripped(what), "others": [file.rsplit("/", 1)[1] for file in others],
                     "others_bytes": sum(map(stripped, others))})
    return rows


def stripped(file):
    out = build.WORK / "stripped"
    build.run(["strip", "-o", out, file])
    return out.stat().st_size
