"""SVG files by gnuplot: a curve for each name, or bars side by side."""

import subprocess

COLORS = {"ours": "#c0392b", "raw": "#b0b0b0", "libmosquitto": "#2e86c1", "paho-c": "#8e44ad", "rumqttc": "#d68910", "aws-c-mqtt": "#239b56"}
SPARE = ["#c0392b", "#2e86c1", "#239b56", "#d68910"]
STYLE = """set terminal svg size 820,460 enhanced font "sans-serif,13" background rgb "white"
set border 3 linecolor rgb "#555555"
set tics nomirror
set grid ytics linecolor rgb "#dddddd"
set key outside right top
set format y "%.0s%c"
"""


def draw(script, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["gnuplot"], input=f"{STYLE}\nset output '{path}'\n{script}\n", text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f"gnuplot: {done.stderr}")


def quoted(text):
    return '"' + str(text).replace("_", r"\\_").replace('"', "") + '"'


def curves(path, title, x_label, y_label, lines):
    """`lines`: {name: [(x, y)]}; both axes are logarithmic."""
    lines = {name: points for name, points in lines.items() if points}
    if not lines:
        return False
    blocks, plots = [], []
    for number, (name, points) in enumerate(lines.items()):
        blocks.append(f"$data{number} << END\n" + "\n".join(f"{x} {y}" for x, y in points) + "\nEND")
        color = COLORS.get(name, SPARE[number % len(SPARE)])
        plots.append(f"$data{number} with linespoints linewidth 2 pointtype 7 pointsize 0.6 linecolor rgb '{color}' title {quoted(name)}")
    lowest = min(y for points in lines.values() for _, y in points)
    highest = max(y for points in lines.values() for _, y in points)
    draw("\n".join(blocks + [f"set title {quoted(title)}", f"set xlabel {quoted(x_label)}", f"set ylabel {quoted(y_label)}",
                             "set logscale xy", 'set format x "%.0s%c"',
                             # At least a decade, so that what is constant looks constant.
                             f"set yrange [{min(lowest / 1.5, highest / 10)}:{highest * 2}]", "plot " + ", ".join(plots)]), path)
    return True


def bars(path, title, y_label, names, groups):
    """`groups`: [(label, {name: value})], on a logarithmic axis."""
    if not groups:
        return False
    data = [" ".join([quoted(label)] + [str(values.get(name) or "NaN") for name in names]) for label, values in groups]
    plots = [f"$data using {number + 2}:xtic(1) linecolor rgb '{COLORS.get(name, '#888888')}' title {quoted(name)}"
             for number, name in enumerate(names)]
    draw("\n".join(["$data << END", *data, "END", f"set title {quoted(title)}", f"set ylabel {quoted(y_label)}",
                    "set style data histograms", "set style histogram clustered gap 1", "set style fill solid 1.0 noborder",
                    "set logscale y", "set bmargin 4", "plot " + ", ".join(plots)]), path)
    return True
