"""docs/benchmarks.md and its plots, made wholly from what was measured."""

import datetime
import json
import os
import platform
import re

import tomllib

from . import build, growth, plots
from .tables import NOT_REACHED, Comparison, compare, number, table

PAGE = build.ROOT / "docs" / "benchmarks.md"
PLOTS = build.ROOT / "docs" / "benchmarks"
RESULTS = build.WORK / "results"
TRANSPORTS = {"plain": "plain TCP", "tls": "TLS 1.2, RSA-2048, mutual"}
HANDSHAKES = {"rsa": "TLS 1.2, RSA-2048", "ec": "TLS 1.3, P-256"}
SCENARIOS = {"pub_qos0": "publish QoS 0", "pub_qos1": "publish QoS 1", "recv_qos0": "receive QoS 0", "recv_qos1": "receive QoS 1",
             "rtt_qos0": "QoS 0", "rtt_qos1": "QoS 1"}


def save(section, data):
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{section}.json").write_text(json.dumps(data, indent=1))


def load(section):
    file = RESULTS / f"{section}.json"
    return json.loads(file.read_text()) if file.exists() else None


def machine():
    cpu = re.search(r"model name\s*: (.+)", open("/proc/cpuinfo").read())
    rustc, cc = build.run(["rustc", "--version"]).strip(), build.run(["cc", "--version"]).splitlines()[0]
    system = re.search(r'PRETTY_NAME="(.+)"', open("/etc/os-release").read())
    return {"date": datetime.date.today().isoformat(), "cpu": cpu.group(1) if cpu else platform.machine(), "cores": os.cpu_count(),
            "kernel": platform.release(), "system": system.group(1) if system else "?", "rustc": rustc, "cc": cc}


def sentences(said):
    return "\n".join(f"- {sentence}" for sentence in said) or "In no row."


class Page:
    def __init__(self):
        self.about = load("about")
        self.names = list(self.about["versions"])
        self.goals = tomllib.loads((build.BENCH / "goals.toml").read_text())
        self.parts, self.behind, self.missed = [], [], []

    def add(self, text):
        self.parts.append(text.rstrip() + "\n")

    def comparison(self, title, unit, better, goal, rows, note=""):
        rows = [(label, values) for label, values in rows if values]
        if not rows:
            return
        made = compare(Comparison(title, unit, better, goal, note), self.names, rows)
        self.add(made.text)
        self.behind += made.behind
        self.missed += made.missed

    def plot(self, name, title, made):
        if made:
            self.add(f"![{title}](benchmarks/{name}.svg)")

    def speed(self, rows):
        failed = [f"{row['name']}, {row['scenario']} of {row['size']} B, W={row['window']}, {row['transport']}: {row['error']}" for row in rows if "error" in row]
        rows = [row for row in rows if "error" not in row]

        def cases(transport, prefix):
            found = [row for row in rows if row["transport"] == transport and row["scenario"].startswith(prefix)]
            return list(dict.fromkeys((row["scenario"], row["size"], row["window"]) for row in found))

        def values(transport, case, field, scale=1):
            return {row["name"]: row[field] * scale for row in rows
                    if row["transport"] == transport and (row["scenario"], row["size"], row["window"]) == case and field in row}

        def label(case):
            scenario, size, window = case
            return f"{SCENARIOS[scenario]}, {size} B" + (f", W={window}" if scenario in ("pub_qos1", "recv_qos1") else "")

        def throughput_goal(case):
            scenario, size, window = case
            goals = self.goals["throughput"]
            return goals.get(f"size_{size}", goals.get(f"{scenario}_window_{window}", goals[scenario]))

        self.add("## Throughput")
        drawn_names = [name for name in self.names if name not in (build.OTHER_PROVIDER, build.RAW_RING)]
        for transport, words in TRANSPORTS.items():
            listed = cases(transport, "pub") + cases(transport, "recv")
            throughput = {label(case): throughput_goal(case) for case in listed}
            for title, field, better, goal, note in (
                ("Messages a second", "msgs_per_s", "more", throughput, ""),
                ("CPU of the client, ns a message", "cpu_ns_per_msg", "less", self.goals["cpu"], "User and system time of the whole process."),
            ):
                self.comparison(f"{title}, {words}", "case", better, goal, [(label(case), values(transport, case, field)) for case in listed], note)
            drawn = [(label(case).replace(" QoS", "\\nQoS").replace(", 256 B", "").replace(", W=100", ""), values(transport, case, "msgs_per_s"))
                     for case in listed if case[1:] == (256, 100)]
            title = f"Messages a second, 256 bytes, {words}"
            self.plot(f"throughput-{transport}", title, plots.bars(PLOTS / f"throughput-{transport}.svg", title, "messages a second", drawn_names, drawn))
        busy = [(f"{label(case)}, {words}", values(transport, case, "sink_busy", 100)) for transport, words in TRANSPORTS.items()
                for case in cases(transport, "pub") + cases(transport, "recv")]
        limited = [f"{what}: {', '.join(name for name in shares if shares[name] > 90)}" for what, shares in busy
                   if any(share > 90 for share in shares.values())]
        if limited:
            self.add("The sink was busy for more than 90 % of the time, and so was the limit, in: " + "; ".join(limited) + ".")
        self.add("## Round trip")
        for field, words, goal in (("p50_us", "median", "median"), ("p99_us", "99th percentile", "99th")):
            self.comparison(f"Round trip of 256 bytes, {words}, µs", "case", "less", self.goals["round_trip"][goal],
                            [(f"{label(case)}, {TRANSPORTS[transport]}", values(transport, case, field))
                             for transport in TRANSPORTS for case in cases(transport, "rtt")], "From the publish call to the callback of its echo.")
        self.add("## Connecting")
        for title, goal, scenario, field, scale, note in (
            ("Connect, median, ms", "median", "connect", "p50_us", 1e-3, "From making the client to CONNACK seen; TCP, full TLS handshake, mutual."),
            ("CPU of a connect and disconnect, ms", "cpu", "connect", "cpu_ns_per_msg", 1e-6, ""),
            ("First connection of a process, ms", "first", "first", "p50_us", 1e-3, "With all that a library sets up on first use."),
            ("CPU of a process that connects once, ms", "cpu_of_first", "first", "cpu_total_s", 1e3, "Its start included."),
        ):
            self.comparison(title, "handshake", "less", self.goals["connect"][goal],
                            [(words, values(kind, (scenario, 0, 100), field, scale)) for kind, words in HANDSHAKES.items()], note)
        if failed:
            self.add("Runs that failed:\n\n" + "\n".join(f"- {text}" for text in failed))
        spreads = sorted(row["spread"] for row in rows)
        others = sorted(row["others"] for row in rows if "others" in row)
        if spreads and others:
            self.add(f"Spread of a case over its runs, (most − least) / median: half of the cases below {spreads[len(spreads) // 2]:.0%}, nine of ten "
                     f"below {spreads[len(spreads) * 9 // 10]:.0%}. What else ran on the machine meanwhile took {others[len(others) // 2]:.2f} of a core "
                     f"in the median, {others[-1]:.2f} at most. Differences smaller than the spread mean nothing.")

    def idle(self, rows):
        self.add("## Idle clients")
        pairs = list(dict.fromkeys((row["asked"], row["transport"]) for row in rows))
        for title, field, goal in (("Memory, KiB a client", "rss_per_client_kib", "memory"), ("Threads of the process", "threads", "threads"),
                                   ("CPU over 10 s, ms", "idle_cpu_ms", "cpu")):
            self.comparison(f"Idle: {title}", "clients", "less", self.goals["idle"][goal], [
                (f"{asked:,} clients, {TRANSPORTS[transport]}",
                 {row["name"]: row[field] for row in rows if (row["asked"], row["transport"]) == (asked, transport) and field in row})
                for asked, transport in pairs])
        for row in rows:
            if "error" in row:
                self.add(f"- {row['name']}, {row['clients']:,} clients, {TRANSPORTS[row['transport']]}: {row['error']}")
        few = sorted({f"{row['name']} with {row['clients']:,}" for row in rows if row["clients"] < row["asked"]})
        if few:
            self.add(f"Measured with fewer clients than the row says, because more do not work or take minutes: {', '.join(few)}.")

    def counts(self, rows):
        self.add("## Instructions and system calls a message")
        for field, title, note in (
            ("instructions", "Instructions a message", "User space, by callgrind; 256 bytes, plain TCP, W=100; the slope between two counts."),
            ("system_calls", "System calls a message", "By `perf stat -e raw_syscalls:sys_enter` (without perf by `strace -f -c`), in the same way."),
        ):
            goals = {SCENARIOS[path]: goal for path, goal in self.goals[field].items()}
            self.comparison(title, "path", "less", goals, [
                (words, {row["name"]: max(row[field], 0) for row in rows if row["path"] == path and field in row})
                for path, words in SCENARIOS.items() if path in self.goals[field]], note)

    def sizes(self, rows):
        self.add("## Size")
        for title, goal, fields in (("Stripped library, KiB", "alone", ["bytes"]), ("With what it loads beside libc, KiB", "loaded", ["bytes", "others_bytes"])):
            self.comparison(title, "", "less", self.goals["size"][goal], [("size", {row["name"]: sum(row[field] for field in fields) / 1024 for row in rows})])
        self.add(table(["", "what is counted", "loads"], [[row["name"], row["what"], ", ".join(row["others"]) or "nothing"] for row in rows]))

    def growth(self, curves):
        self.add("## How the cost grows\n\nOurs alone, plain TCP. The exponent is that of the cost over the last two decades of the curve: 1 is linear, 0 is constant.")
        verdicts = []
        for name, points in curves.items():
            if not points:
                continue
            _, x_label, _, _, unit, allowed = growth.CURVES[name]
            field, value, good = growth.verdict(name, points)
            shape = "no worse than linear" if allowed == growth.LINEAR else "constant"
            what = {"instructions": "instructions", "cpu_ns": "CPU time"}[field]
            first, last = (point.get(field) for point in (points[0], points[-1]))
            verdicts.append([unit, x_label, shape, what, f"{last / first:.2f}" if first else "—", "—" if value is None else f"{value:.2f}", f"≤ {allowed}",
                             "yes" if good else NOT_REACHED])
        for curve, field, unit in growth.MEMORY.values():
            points = [point for point in curves.get(curve, []) if point.get(field, 0) > 0]
            value = growth.exponent(points, field)
            if value is not None:
                verdicts.append([unit, growth.CURVES[curve][1], "constant", "memory", f"{points[-1][field] / points[0][field]:.2f}", f"{value:.2f}",
                                 f"≤ {growth.CONSTANT}", "yes" if value <= growth.CONSTANT else NOT_REACHED])
        self.missed += [f"Cost of {cost} against {x}: {what} grows with the exponent {value}. Goal: {allowed}."
                        for cost, x, _, what, _, value, allowed, reached in verdicts if reached == NOT_REACHED]
        self.add(table(["cost of", "against", "should be", "judged by", "last / first", "exponent", "allowed", "is so"], verdicts))
        for name, points in curves.items():
            if not points:
                continue
            _, x_label, _, _, unit, _ = growth.CURVES[name]
            memory = [field for curve, field, _ in growth.MEMORY.values() if curve == name]
            self.add(f"### {unit[0].upper() + unit[1:]}, against {x_label}\n\n" + table(
                [x_label, "instructions", "CPU, ns", *[text for curve, _, text in growth.MEMORY.values() if curve == name]],
                [[f"{point['x']:,}", number(point.get("instructions")), number(point["cpu_ns"]), *[number(point.get(field)) for field in memory]]
                 for point in points]))
            lines = {words: [(point["x"], point[field]) for point in points if field in point]
                     for field, words in (("instructions", "instructions"), ("cpu_ns", "CPU, ns"))}
            lines |= {text: [(point["x"], point[field]) for point in points if point.get(field, 0) > 0]
                      for curve, field, text in growth.MEMORY.values() if curve == name}
            title = f"{unit}, against {x_label}, plain TCP"
            self.plot(f"growth-{name}", title, plots.curves(PLOTS / f"growth-{name}.svg", title, x_label, "a message", lines))

    def write(self):
        template = (build.BENCH / "page.md").read_text()
        for section in ("speed", "idle", "counts", "sizes", "growth"):
            data = load(section)
            if data is None:
                self.add(f"## {section.capitalize()}\n\nNot measured.")
            else:
                getattr(self, section)(data)
        about = self.about
        filled = {
            "machine": table(["what", "with"], [["date", about["date"]], ["processor", f"{about['cpu']}, {about['cores']} cores"],
                                                ["kernel", about["kernel"]], ["system", about["system"]], ["compilers", f"{about['rustc']}; {about['cc']}"],
                                                ["measured by", f"`{about['command']}`"]]),
            "versions": table(["name", "what"], [[f"`{name}`", what] for name, what in about["versions"].items()]),
            "behind": sentences(self.behind),
            "missed": sentences(self.missed),
            "tables": "\n".join(self.parts),
        }
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found.group(1)].rstrip(), template))
