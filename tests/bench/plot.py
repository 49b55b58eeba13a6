#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py write|browse|recall OUT.svg < TABLES: draws with gnuplot what write_sizes.py, `browse.py --sizes` or order_bench have
printed. One panel below the other, over the same rows; rows are equally far apart, as each is a multiple of the one before
(but for nothing), and upright axes are logarithmic. On white, whatever the page is: the colours are chosen for that.
"""
import subprocess
import sys
from dataclasses import dataclass


OURS, OTHERS, LIGHT, WARM, COOL = "#1b6ca8", "#555555", "#aaaaaa", "#d1495b", "#3d8b63"
WIDTH, PANEL, MARGIN = 760, 250, 90  # Pixels.
SOLID, DASHED = 1, 2
PIPE = "tar | age | dd"


@dataclass
class Curve:
    column: int
    name: str
    colour: str
    dashes: int = SOLID


@dataclass
class Panel:
    axis: str  # What is drawn, and its unit.
    curves: list
    table: int = 0


@dataclass
class Plot:
    title: str
    rows: str  # What a row is, and its unit.
    panels: list


def orders():
    return [Curve(2, "as asked for", LIGHT), Curve(3, "by block", WARM), Curve(4, "nearest locate", OTHERS),
            Curve(6, "lower bound", COOL, DASHED), Curve(5, "mixtape", OURS)]


PLOTS = {
    "write": Plot("mixtape backup, by the size of the files", "bytes in each file", [
        Panel("MB/s", [Curve(5, PIPE, OTHERS, DASHED), Curve(3, "mixtape", OURS)]),
        Panel("files/s", [Curve(4, PIPE, OTHERS, DASHED), Curve(2, "mixtape", OURS)])]),
    "browse": Plot("find over the mount, cold, by the size of the catalog", "files in the catalog", [
        Panel("entries/s", [Curve(2, "bare FUSE server", OTHERS, DASHED), Curve(1, "mixtape", OURS)]),
        Panel("MiB resident", [Curve(3, "mixtape, when mounted", COOL, DASHED), Curve(4, "mixtape, after find", OURS)])]),
    "recall": Plot("Time of locating, simulated", "files in the batch", [
        Panel("s per file, model of CTA", orders()), Panel("s per file, model of the contest", orders(), 1)]),
}


def size_text(size):
    for unit in ("", " KiB", " MiB", " GiB"):
        if size < 1024:
            return f"{size:.0f}{unit}"
        size /= 1024
    return f"{size:.0f} TiB"


def count_text(count):
    return f"{count:,.0f}" if count >= 1 else f"{count:g}"


def tables_of(lines):
    """Tables of numbers: cells between bars or blanks, the first a number; what is behind a number is left out."""
    tables = [[]]
    for line in lines:
        cells = line.strip().strip("|").split("|") if line.startswith("|") else line.replace("|", " ").split()
        try:
            row = [float(cell.split()[0].rstrip("%")) for cell in cells]
        except (ValueError, IndexError):
            row = []
        if row:
            tables[-1].append(row)
        elif tables[-1]:
            tables.append([])
    return [table for table in tables if table]


def ticks(values):
    """Round numbers from below the least value to above the largest one; few enough to be read."""
    for steps in ((1, 2, 5), (1, 3), (1,)):
        wanted = [step * 10.0 ** power for power in range(-6, 12) for step in steps]
        low = max(tick for tick in wanted if tick <= min(values))
        high = min(tick for tick in wanted if tick >= max(values) and tick > low)
        marks = [tick for tick in wanted if low <= tick <= high]
        if len(marks) <= 7:
            break
    return marks


def panel_script(panel, rows):
    drawn = [(curve, [(place, row[curve.column]) for place, row in enumerate(rows) if row[curve.column] > 0])
             for curve in panel.curves]
    marks = ticks([value for _, points in drawn for _, value in points])
    yield f'set ylabel "{panel.axis}"\nset yrange [{marks[0] * 0.999}:{marks[-1] * 1.001}]\n'
    yield "set ytics (" + ", ".join(f'"{count_text(mark)}" {mark}' for mark in marks) + ")\n"
    for number, (_, points) in enumerate(drawn):
        yield f"$curve{number} << EOD\n" + "\n".join(f"{place} {value}" for place, value in points) + "\nEOD\n"
    yield "plot " + ", ".join(
        f'$curve{number} with linespoints linecolor rgb "{curve.colour}" linewidth {3 if curve.colour == OURS else 2} dashtype {curve.dashes} '
        f'pointtype 7 pointsize 0.4 title "{curve.name}"' for number, (curve, _) in enumerate(drawn)) + "\n"


def script(plot, tables, out):
    rows, name = tables[0], size_text if "bytes" in plot.rows else count_text
    count = len(plot.panels)
    yield f"""set terminal svg size {WIDTH},{PANEL * count + MARGIN} font "sans-serif,12" background "white" name "mixtape"
set output "{out}"
set multiplot layout {count},1 title "{plot.title}" font ",14"
set lmargin 12
set rmargin 3
set logscale y
set border 3 linecolor rgb "#555555"
set grid y linecolor rgb "#dddddd" linewidth 1
set tics nomirror textcolor rgb "#222222"
set key outside top center horizontal samplen 2
set xrange [-0.3:{len(rows) - 0.7}]
set xtics ({", ".join(f'"{name(row[0])}" {place}' for place, row in enumerate(rows))})
"""
    named = []
    for panel in plot.panels:
        if panel is plot.panels[-1]:
            yield f'set xlabel "{plot.rows}"\n'
        names = [curve.name for curve in panel.curves]
        yield "unset key\n" if names == named else ""
        named = names
        yield from panel_script(panel, tables[panel.table])
    yield "unset multiplot\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in PLOTS:
        sys.exit(__doc__)
    plot, tables = PLOTS[sys.argv[1]], tables_of(sys.stdin)
    if len(tables) <= max(panel.table for panel in plot.panels):
        sys.exit(f"plot.py: not all tables for {sys.argv[1]} are in what was given")
    subprocess.run(["gnuplot"], input="".join(script(plot, tables, sys.argv[2])), text=True, check=True)


if __name__ == "__main__":
    main()
