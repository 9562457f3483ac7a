"""One run of a driver against the sink: the client pinned to one core, the sink to another."""

import json
import os
import resource
import subprocess
import time

from . import build

CORES = sorted(os.sched_getaffinity(0))
SINK_CORE, CLIENT_CORE = str(CORES[0]), str(CORES[-1])
# A run during which others took more than this share of a core is repeated, and the quietest one counts.
OTHERS = 0.12
TRIES = 3
# TLS 1.2 with RSA-2048 is what many devices have; TLS 1.3 with P-256 is what new ones have.
KINDS = {"rsa": "1.2", "ec": "1.3"}


def allow_many_files():
    """Ten thousand clients are ten thousand sockets, twice."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Sink:
    def __init__(self, kind="rsa"):
        self.files = build.certificates()
        self.kind = kind
        server = self.files / f"{kind}-server"
        command = [build.RUST / "bench-sink", self.files / f"{kind}-ca.pem", f"{server}.pem", f"{server}.key", KINDS[kind]]
        self.process = subprocess.Popen(["taskset", "-c", SINK_CORE, *command], stdout=subprocess.PIPE, text=True)
        word, plain, tls = (self.process.stdout.readline() or "nothing 0 0").split()
        if word != "ready":
            raise SystemExit("the sink did not start")
        self.ports = (plain, tls)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/schedstat") as text:
            return int(text.read().split()[0]) / 1e9

    def options(self, scenario, count, size=256, window=100, tls=0):
        client = self.files / f"{self.kind}-client"
        given = {"host": "localhost", "port": self.ports[tls], "tls": tls, "ca": self.files / f"{self.kind}-ca.pem", "cert": f"{client}.pem",
                 "key": f"{client}.key", "scenario": scenario, "count": count, "size": size, "window": window}
        return [word for name, value in given.items() for word in (f"--{name}", str(value))]


def busy_s():
    """What all cores have spent on anything, in seconds."""
    with open("/proc/stat") as text:
        values = [int(word) for word in text.readline().split()[1:9]]
    return (sum(values) - values[3] - values[4]) / os.sysconf("SC_CLK_TCK")


def ours_s(sink):
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return sum(use.ru_utime + use.ru_stime for use in used) + sink.cpu_s()


def once(driver, options, sink, before=(), timeout=130):
    """The driver's line, or {"error": why}."""
    began = sink.cpu_s()
    command = ["taskset", "-c", CLIENT_CORE, *before, str(driver), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        return {"error": f"did not end in {timeout} s"}
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        return {"error": (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1][-120:]}
    result = json.loads(lines[-1])
    if "seconds" in result:
        result["sink_busy"] = (sink.cpu_s() - began) / result["seconds"]
    result["stderr"] = done.stderr
    return result


def quiet(driver, options, sink):
    best = None
    for _ in range(TRIES):
        busy, ours, began = busy_s(), ours_s(sink), time.monotonic()
        result = once(driver, options, sink)
        if "error" in result:
            return result
        seconds = time.monotonic() - began
        result["others"] = max(0.0, (busy_s() - busy - (ours_s(sink) - ours)) / seconds)
        if best is None or result["others"] < best["others"]:
            best = result
        if best["others"] <= OTHERS:
            break
    return best
