#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""plot.py write|browse|recall OUT.svg < TABLE: draws with gnuplot what write_sizes.py, `browse.py --sizes` or order_bench
(its model cta) have printed. Rows are equally far apart; the left axis, and the right one where there is one, is logarithmic.
"""
import subprocess
import sys


def size_text(size):
    for unit in ("", " KiB", " MiB", " GiB"):
        if size < 1024:
            return f"{size:.0f}{unit}"
        size /= 1024
    return f"{size:.0f} TiB"


def count_text(count):
    return f"{count:,.0f}"


# Title, name of the rows, how to write one, left axis, right axis; curves: column of the table, name, axis, colour.
PLOTS = {
    "write": ("mixtape backup, by the size of the files", "bytes in each file", size_text, "MB/s", "files/s", [
        (3, "mixtape, MB/s", "y1", "#1b6ca8"), (4, "tar | age | dd, MB/s", "y1", "#999999"),
        (2, "mixtape, files/s", "y2", "#d1495b")]),
    "browse": ("find over the mount, cold, by the size of the catalog", "files", count_text, "entries/s", "MiB", [
        (1, "mixtape, entries/s", "y1", "#1b6ca8"), (2, "bare FUSE server, entries/s", "y1", "#999999"),
        (3, "resident when mounted, MiB", "y2", "#edae49"), (4, "resident after find, MiB", "y2", "#d1495b")]),
    "recall": ("Locate time per file, LTO model of CTA, simulated", "files in the batch", count_text, "s", "", [
        (2, "as asked for", "y1", "#cccccc"), (3, "by block", "y1", "#edae49"), (4, "nearest locate", "y1", "#999999"),
        (5, "mixtape", "y1", "#1b6ca8"), (6, "lower bound", "y1", "#66a182")]),
}


def rows_of(lines):
    """The first table of numbers: cells between bars or blanks, the first a number; what is behind a number is left out."""
    rows = []
    for line in lines:
        cells = line.strip().strip("|").split("|") if line.startswith("|") else line.replace("|", " ").split()
        try:
            rows.append([float(cell.split()[0].rstrip("%")) for cell in cells])
        except (ValueError, IndexError):
            if rows:
                break
        else:
            if not rows[-1]:
                rows.pop()
                if rows:
                    break
    return rows


def script(kind, rows, out):
    title, below, name, left, right, curves = PLOTS[kind]
    ticks = ", ".join(f'"{name(row[0])}" {place}' for place, row in enumerate(rows))
    yield f"""set terminal svg size 720,420 font "sans-serif,12" background "white"
set output "{out}"
set title "{title}"
set xlabel "{below}"
set ylabel "{left}"
set xtics ({ticks})
set xrange [-0.3:{len(rows) - 0.7}]
set logscale y
set grid y
set key below
"""
    if right:
        yield f'set logscale y2\nset y2tics\nset ytics nomirror\nset y2label "{right}"\n'
    for number, (column, _, _, _) in enumerate(curves):
        points = "\n".join(f"{place} {row[column]}" for place, row in enumerate(rows) if row[column] > 0)
        yield f"$curve{number} << EOD\n{points}\nEOD\n"
    yield "plot " + ", ".join(
        f'$curve{number} with linespoints axes x1{axis} linecolor rgb "{colour}" linewidth 2 pointtype 7 pointsize 0.5 '
        f'title "{text}"' for number, (_, text, axis, colour) in enumerate(curves)) + "\n"


def main():
    if len(sys.argv) != 3 or sys.argv[1] not in PLOTS:
        sys.exit(__doc__)
    rows = rows_of(sys.stdin)
    if not rows:
        sys.exit(f"plot.py: no table for {sys.argv[1]} in what was given")
    subprocess.run(["gnuplot"], input="".join(script(sys.argv[1], rows, sys.argv[2])), text=True, check=True)


if __name__ == "__main__":
    main()
