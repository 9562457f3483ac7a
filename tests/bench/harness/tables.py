"""Numbers as text, and markdown tables that compare."""

from collections import namedtuple

from .build import OTHER_PROVIDER, RAW_RING

# They are measured in some rows only.
SOMETIMES = (OTHER_PROVIDER, RAW_RING)
NOT_REACHED = "**no**"

# `better` is "more" or "less"; `goal` bounds ours from below or from above: {"best": of the best peer's, "raw": of raw's, "ours": as it is}, as far as
# there is such a goal, or a dictionary of such for each row's label.
Comparison = namedtuple("Comparison", "title unit better goal note", defaults=("",))
# The markdown, and what is to be said of single rows in words: a peer is ahead, a goal is not reached.
Compared = namedtuple("Compared", "text behind missed")


def number(value):
    if value is None:
        return "—"
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size * 10 or (unit == "M" and value >= size):
            return f"{value / size:.2f}{unit}" if value < size * 10 else f"{value / size:.0f}{unit}"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def table(header, rows):
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"


def bounds(goal, better, values, best, whose="ours"):
    """For each part of the goal: its text, and whether it is reached (`None`: cannot be said)."""
    sign = "≥" if better == "more" else "≤"
    of = {"best": values.get(best) if best else None, "raw": values.get("raw"), "ours": 1}
    texts = {"best": "{}", "raw": "{} × raw", "ours": "ours {}"}
    said = []
    for kind in texts:
        if kind not in goal:
            continue
        bound = f"{sign} {number(goal[kind]) if kind == 'ours' else format(goal[kind], 'g')}"
        reached = None
        if values.get(whose) is not None and of[kind]:
            wanted = goal[kind] * of[kind]
            reached = values[whose] >= wanted if better == "more" else values[whose] <= wanted
        said.append((texts[kind].format(bound), reached))
    return said


def verdict(goal, better, values, best, said):
    if not said or any(reached is None for _, reached in said):
        return "—"
    if all(reached for _, reached in said):
        return "yes"
    other = bounds(goal, better, values, best, OTHER_PROVIDER)
    if all(reached for _, reached in other):
        return NOT_REACHED + "; with aws-lc-rs yes" + of_ceiling(goal, better, values, best)
    return NOT_REACHED + of_ceiling(goal, better, values, best)


def of_ceiling(goal, better, values, best):
    """What can be said of a goal that is not reached: whether it is beside a ceiling with our provider, and whether the ceiling reaches it itself."""
    whose = RAW_RING if values.get(RAW_RING) is not None else "raw"
    ceiling = values.get(whose)
    if ceiling is None:
        return ""
    if whose == RAW_RING and "raw" in goal:
        reached = all(reached for _, reached in bounds(goal, better, values | {"raw": ceiling}, best))
        return "; of raw-ring yes" if reached else ""
    if "best" not in goal:
        return ""
    wanted = goal["best"] * values[best]
    falls_short = ceiling < wanted if better == "more" else ceiling > wanted
    return f"; {whose} itself has {ceiling / values[best]:.2f}" if falls_short else ""


def compare(comparison, names, rows):
    """`rows`: [(label, {name: value})]."""
    names = [name for name in names if name not in SOMETIMES or any(name in values for _, values in rows)]
    peers = [name for name in names if name not in ("raw", "ours", *SOMETIMES)]
    header = [comparison.unit, *names, "best peer", "ours / best peer", "goal", "reached"]
    lines, behind, missed = [], [], []
    for label, values in rows:
        known = {name: values[name] for name in peers if values.get(name) is not None}
        best = None
        if known:
            best = (max if comparison.better == "more" else min)(known, key=known.get)
        ours, ratio = values.get("ours"), None
        if best and ours is not None and known[best] > 0:
            ratio = ours / known[best]
            if (ratio < 1) == (comparison.better == "more") and ratio != 1:
                behind.append(f"{comparison.title}, {label}: {best} is ahead ({number(known[best])} against our {number(ours)}).")
        goal = comparison.goal.get(label, comparison.goal)
        said = bounds(goal, comparison.better, values, best)
        cells = [f"**{number(values.get(name))}**" if name == best else number(values.get(name)) for name in names]
        wanted, judged = " and ".join(text for text, _ in said) or "—", verdict(goal, comparison.better, values, best, said)
        lines.append([label, *cells, best or "—", "—" if ratio is None else f"{ratio:.2f}", wanted, judged])
        if judged.startswith(NOT_REACHED):
            of = "".join(f", {name} {number(values[name])}" for name in ("raw", RAW_RING, best) if values.get(name) is not None)
            missed.append(f"{comparison.title}, {label}: {number(ours)}{of}. Goal: {wanted}{judged.removeprefix(NOT_REACHED)}.")
    text = f"### {comparison.title}\n\n" + table(header, lines)
    return Compared(text + (f"\n{comparison.note}\n" if comparison.note else ""), behind, missed)
