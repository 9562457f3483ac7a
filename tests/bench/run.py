#!/usr/bin/env python3
"""Measures, and writes docs/benchmarks.md. `make bench` calls it; tests/bench/README.md says more.

A part that is not measured in this call keeps the figures of an earlier one, if there was one.
"""

import argparse
import os
import signal
import sys
import time

from harness import build, counts, growth, page, runs, speed

PARTS = ("speed", "idle", "counts", "sizes", "growth")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--parts", default=",".join(PARTS), help=f"which of {', '.join(PARTS)} to measure (default: all)")
    options.add_argument("--reps", type=int, default=5, help="runs of each case, of which the median counts")
    options.add_argument("--seconds", type=float, default=0.3, help="how long one run of a throughput case should take")
    options.add_argument("--clients", default="1000,10000", help="how many idle clients")
    options.add_argument("--only", default="", help="only these drivers, for instance ours,rumqttc")
    options.add_argument("--quick", action="store_true", help="256 bytes only, two runs, fewer clients: a few minutes")
    options.add_argument("--awsc-prefix", default=os.environ.get("AWSC_PREFIX", ""), help="where aws-c-mqtt's static libraries are installed")
    options.add_argument("--render", action="store_true", help="only write the page from what was measured before")
    given = options.parse_args()
    # So that the sink ends with this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if given.quick:
        given.reps, given.seconds, given.clients = min(given.reps, 2), min(given.seconds, 0.15), "100"
    began = time.monotonic()

    def say(text):
        print(f"[{time.monotonic() - began:5.0f} s] {text}", file=sys.stderr, flush=True)

    parts = [] if given.render else given.parts.split(",")
    if parts:
        runs.allow_many_files()
        say("building")
        drivers = build.build(given.awsc_prefix)
        if given.only:
            drivers = {name: driver for name, driver in drivers.items() if name in given.only.split(",")}
        command = "make bench" + (" QUICK=1" if given.quick else "")
        if given.parts != ",".join(PARTS) or given.only:
            command += f" in parts, at last {given.parts}"
        page.save("about", page.machine() | {"versions": build.versions(drivers), "command": command})
        measures = {
            "speed": lambda: speed.measure(drivers, given.reps, given.seconds, given.quick, say),
            "idle": lambda: counts.idle(drivers, [int(count) for count in given.clients.split(",")], say),
            "counts": lambda: counts.per_message(drivers, given.quick, say),
            "sizes": lambda: counts.sizes(drivers),
            "growth": lambda: growth.measure(min(given.reps, 3), given.quick, say),
        }
        for part in parts:
            page.save(part, measures[part]())
    page.Page().write()
    say(f"wrote {page.PAGE.relative_to(build.ROOT)}")


if __name__ == "__main__":
    main()
