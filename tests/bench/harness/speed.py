"""Throughput, round trips and connecting: all drivers in turn, then all again."""

import statistics

from .build import OTHER_PROVIDER, RAW_RING
from .runs import Sink, once, quiet

SIZES = (64, 256, 1024, 16384)
KEPT = ("msgs_per_s", "cpu_ns_per_msg", "cpu_total_s", "p50_us", "p99_us", "sink_busy", "others", "max_rss_kib")


def cases(quick):
    """(transport, scenario, size, window)"""
    plan = []
    for transport in ("plain", "tls"):
        for scenario in ("pub_qos0", "pub_qos1", "recv_qos0", "recv_qos1"):
            sizes = (256,) if quick else SIZES
            plan += [(transport, scenario, size, 100) for size in sizes]
            if scenario.endswith("1") and not quick:
                plan.append((transport, scenario, 256, 20))
        plan += [(transport, "rtt_qos0", 256, 100), (transport, "rtt_qos1", 256, 100)]
    for transport in ("rsa", "ec"):
        plan += [(transport, "connect", 0, 100), (transport, "first", 0, 100)]
    return plan


def count_for(scenario, size, rate, seconds):
    """So many that one run takes about `seconds`, within what makes sense."""
    if scenario == "first":
        return 1
    if scenario == "connect":
        # Its calibration has the expensive first one in it.
        return 100 if rate > 30 else 20
    if scenario.startswith("rtt"):
        return int(max(40, min(5_000, rate * seconds)))
    most = max(1_000, min(4_000_000, (256 << 20) // size))
    return int(max(500, min(most, rate * seconds)))


def measure(drivers, reps, seconds, quick, say):
    """[{transport, scenario, size, window, name, and the medians or an error}]"""
    runs, counts, failed = {}, {}, {}
    with Sink("rsa") as rsa, Sink("ec") as ec:
        def call(case, driver, count, run):
            transport, scenario, size, window = case
            sink = ec if transport == "ec" else rsa
            options = sink.options("connect" if scenario == "first" else scenario, count, size, window, int(transport != "plain"))
            return run(driver, options, sink)

        for rep in range(-1, reps):
            say(f"speed: {'calibration' if rep < 0 else f'round {rep + 1} of {reps}'}")
            for case in cases(quick):
                for name, driver in drivers.items():
                    if (name == OTHER_PROVIDER and case[0] == "plain") or (name == RAW_RING and case[1] not in ("connect", "first")):
                        continue
                    key = (case, name)
                    if rep < 0:
                        first = {"first": 1, "connect": 20, "rtt_qos0": 40, "rtt_qos1": 40}.get(case[1], 500 if case[2] > 4096 else 5000)
                        result = call(case, driver, first, once)
                        if "error" not in result:
                            counts[key] = count_for(case[1], case[2], result["msgs_per_s"], seconds)
                    elif key in counts:
                        result = call(case, driver, counts[key], quiet)
                        if "error" not in result:
                            runs.setdefault(key, []).append(result)
                    else:
                        continue
                    if "error" in result:
                        say(f"  {name} {case}: {result['error']}")
                        failed[key] = result["error"]
    return [summary(*key, results) for key, results in runs.items()] + [
        named(case, name) | {"error": why} for (case, name), why in failed.items()]


def named(case, name):
    return dict(zip(("transport", "scenario", "size", "window"), case), name=name)


def summary(case, name, results):
    row = named(case, name) | {"runs": len(results)}
    for field in KEPT:
        values = [result[field] for result in results if field in result]
        if values:
            row[field] = statistics.median(values)
    rates = [result["msgs_per_s"] for result in results]
    row["spread"] = (max(rates) - min(rates)) / statistics.median(rates)
    return row
