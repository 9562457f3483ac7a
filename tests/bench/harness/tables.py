"""Numbers as text, and markdown tables that compare."""

from collections import namedtuple

# `better` is "more" or "less"; `goal` bounds ours / best peer, from below or from above: a number, or one for each row's label.
Comparison = namedtuple("Comparison", "title unit better goal note", defaults=("",))


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


def compare(comparison, names, rows, absolute_goals=None):
    """`rows`: [(label, {name: value})]. Gives the markdown, and the sentences about rows in which a peer is ahead."""
    peers = [name for name in names if name not in ("raw", "ours")]
    header = [comparison.unit, *names, "best peer", "ours / best peer", "goal", "reached"]
    lines, behind = [], []
    for label, values in rows:
        known = {name: values[name] for name in peers if values.get(name) is not None}
        best = None
        if known:
            best = (max if comparison.better == "more" else min)(known, key=known.get)
        ours, ratio, reached = values.get("ours"), None, "—"
        goal = comparison.goal[label] if isinstance(comparison.goal, dict) else comparison.goal
        goal_text = f"{'≥' if comparison.better == 'more' else '≤'} {goal:g}"
        if best and ours is not None and known[best] > 0:
            ratio = ours / known[best]
            reached = ratio >= goal if comparison.better == "more" else ratio <= goal
            if (ratio < 1) == (comparison.better == "more") and ratio != 1:
                behind.append(f"{comparison.title}, {label}: {best} is ahead ({number(known[best])} against our {number(ours)}).")
        absolute = (absolute_goals or {}).get(label)
        if absolute is not None and ours is not None:
            goal_text += f" and ours ≤ {number(absolute)}"
            reached = (reached is not False and reached != "—") and ours <= absolute
        cells = [f"**{number(values.get(name))}**" if name == best else number(values.get(name)) for name in names]
        said = {True: "yes", False: "**no**"}.get(reached, "—")
        lines.append([label, *cells, best or "—", "—" if ratio is None else f"{ratio:.2f}", goal_text, said])
    text = f"### {comparison.title}\n\n" + table(header, lines)
    return text + (f"\n{comparison.note}\n" if comparison.note else ""), behind
