"""How the cost of this library grows with what there is more of, and whether that is as it should be."""

import math
import re
import statistics
import subprocess

from . import build
from .runs import CLIENT_CORE, Sink, once

# Past this exponent, over the last part of a curve, the growth is not what it should be. What costs n^1 has the exponent 1; a cost
# that does not depend on n has 0. The room above is for caches, which large n fall out of.
LINEAR, CONSTANT = 1.15, 0.15

# Valgrind counts each byte that "rep movsb" copies as an instruction, and libc's memcpy uses it from 2 KiB on: past this, payloads are judged
# by time.
LARGEST_COUNTED = 1024
COUNTS = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
CURVES = {
    # name: (scenario, x axis, values of x, most of x that callgrind is asked for, value, unit, what is allowed)
    "publish": ("publish", "payload, bytes", [16 << 2 * i for i in range(7)] + [131072], LARGEST_COUNTED, "a QoS 1 publish", LINEAR),
    "receive": ("receive", "payload, bytes", [16 << 2 * i for i in range(7)] + [131072], LARGEST_COUNTED, "a QoS 1 message received", LINEAR),
    "subscriptions": ("subscriptions", "subscriptions of the client", COUNTS[:4], 10_000, "a message received", CONSTANT),
    "clients": ("clients", "clients in the process", (1,) + COUNTS[:4], 1_000, "a QoS 1 publish, every client in turn", CONSTANT),
    "queue": ("offline", "publishes queued", COUNTS, 100_000, "a publish queued without a connection", CONSTANT),
    "drain": ("offline", "publishes queued", COUNTS, 100_000, "a queued publish sent and acknowledged", CONSTANT),
}
# Curves of memory: (of which curve's runs, the field, unit)
MEMORY = {"client_memory": ("clients", "rss_per_client_kib", "KiB a client"), "queue_memory": ("queue", "bytes_per_message", "bytes a message")}


def messages(scenario, x):
    """--count and --size for this point."""
    if scenario in ("publish", "receive"):
        # 400 MB at most: so many that what the first ones cost, whose memory is new, is not what is measured.
        return min(10_000, (400 << 20) // x), x
    return x, 256


def measure(reps, quick, say):
    """{curve: [{x, cpu_ns, instructions, and memory}]}"""
    curves, done = {}, {}
    driver = build.WORK / "growth"
    with Sink() as sink:
        for name, (scenario, _, xs, most_counted, _, _) in CURVES.items():
            points = []
            for x in xs:
                if quick and x > xs[-1] // 10:
                    continue
                if (scenario, x) not in done:
                    say(f"growth: {scenario} {x}")
                    count, size = messages(scenario, x)
                    options = sink.options(scenario, count, size)
                    runs = [once(driver, options, sink) for _ in range(reps if x < 1_000_000 else 1)]
                    counted = callgrind(driver, options) if x <= most_counted else []
                    done[scenario, x] = runs, counted
                runs, counted = done[scenario, x]
                point = {"x": x}
                wrong = [run["error"] for run in runs if "error" in run]
                if wrong:
                    say(f"  {wrong[0]}")
                    continue
                point["cpu_ns"] = statistics.median(run[f"{name}_cpu_ns"] for run in runs)
                for field in ("rss_per_client_kib", "bytes_per_message", "threads"):
                    if field in runs[0]:
                        point[field] = statistics.median(run[field] for run in runs)
                part = ("queue", "drain").index(name) if scenario == "offline" else 0
                if part < len(counted):
                    point["instructions"] = counted[part] / runs[0][f"{name}_messages"]
                points.append(point)
            curves[name] = points
    return curves


def callgrind(driver, options):
    """The instructions of each counted part: the program dumps at the end of each."""
    file = build.WORK / "callgrind"
    for old in build.WORK.glob("callgrind.*"):
        old.unlink()
    command = ["valgrind", "--quiet", "--tool=callgrind", "--fair-sched=yes", f"--callgrind-out-file={file}", driver, *options]
    try:
        subprocess.run(["taskset", "-c", CLIENT_CORE, *map(str, command)], capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return []
    parts = [build.WORK / f"callgrind.{number}" for number in (1, 2)]
    return [int(re.search(r"^totals: (\d+)", part.read_text(), re.M).group(1)) for part in parts if part.exists()]


def exponent(points, field):
    """How the cost grew with x, at the end of the curve: over about its last two decades."""
    known = [(point["x"], point[field]) for point in points if point.get(field, 0) > 0]
    if len(known) < 2:
        return None
    last_x, last = known[-1]
    x, value = next((entry for entry in known if entry[0] * 110 >= last_x), known[-2])
    if x == last_x:
        x, value = known[-2]
    return math.log(last / value) / math.log(last_x / x)


def verdict(name, points):
    """(the field that is judged, its exponent, whether it is as it should be)"""
    allowed = CURVES[name][5]
    # Instructions do not depend on caches and other programs, so they are judged where they reach as far as the time does.
    field = "instructions" if points and "instructions" in points[-1] else "cpu_ns"
    value = exponent(points, field)
    return field, value, value is not None and value <= allowed
