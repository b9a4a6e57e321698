#!/usr/bin/env python3
"""Draws what bench/speed.py has measured as an SVG picture.

usage: bench/speed.py --json FILE ... && bench/chart.py FILE >docs/speed.svg

One group of bars a work; the length of a bar is the time in seconds on a scale of roots, so that short ones are seen beside
long ones, and behind it stand the time and how many times that of barge it is.
"""
import html, json, math, sys

WORKS = {
    "save -o": "save an image to a file",
    "save |": "save it into a pipe",
    "gzip": "save it compressed with gzip",
    "load": "load it",
    "50 images": "save 50 images that share layers",
    "XFS": "save it where the file system shares blocks",
}
LEFT, WIDTH, ROW, GAP, TOP = 210, 560, 20, 34, 58
OURS, OTHERS, INK, PALE = "#0b7285", "#adb5bd", "#212529", "#6c757d"


def main():
    with open(sys.argv[1]) as file:
        report = json.load(file)
    out, y = [], TOP

    def text(x, y, words, size=12, color=INK, anchor="start", weight="normal"):
        out.append(f'<text x="{x}" y="{y}" font-size="{size}" fill="{color}" text-anchor="{anchor}" font-weight="{weight}">{html.escape(words)}</text>')

    longest = max(row["wall"] for row in report["rows"] if row["work"] in WORKS)
    for work, title in WORKS.items():
        rows = sorted((row for row in report["rows"] if row["work"] == work), key=lambda row: row["wall"])
        ours = next((row["wall"] for row in rows if row["peer"] == "barge"), None)
        if not ours:
            continue
        text(LEFT, y, title, 13, weight="bold")
        y += 10
        for row in rows:
            barge = row["peer"].split(",")[0] == "barge"
            length = max(2, WIDTH * math.sqrt(row["wall"] / longest))
            text(LEFT - 8, y + 14, row["peer"], anchor="end", weight="bold" if barge else "normal")
            out.append(f'<rect x="{LEFT}" y="{y + 3}" width="{length:.1f}" height="{ROW - 6}" rx="2" fill="{OURS if barge else OTHERS}"/>')
            ratio = "" if row["peer"] == "barge" else f' · {row["wall"] / ours:.2g}×'
            text(LEFT + length + 6, y + 14, f'{row["wall"]:.2f} s{ratio}', 11, PALE)
            y += ROW
        y += GAP
    size = f'{report["megabytes"]:.0f} MB, {report["cores"]} cores, best of {report["rounds"]}'
    others = ", ".join(f"{name} {said}" for name, said in report["versions"].items() if name not in ("barge", "kernel"))
    height = y + 10
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 120}" height="{height}" font-family="system-ui, sans-serif" role="img">')
    print(f'<title>Time that barge and other tools take for the same work</title><rect width="100%" height="100%" fill="white"/>')
    text(LEFT, 14, f"seconds on a scale of roots, less is better; an image of {size}", 11, PALE)
    text(LEFT, 28, others, 11, PALE)
    print("\n".join(out))
    print("</svg>")


main()
