#!/usr/bin/env python3
"""Draws docs/terminal.svg: a session with barge as a terminal shows it, of commands that are run for it, just now.

usage: docs/terminal.py [--check]     BARGE names the program; with --check the picture must be what it would be drawn as
"""
import fcntl, html, os, pty, re, shutil, struct, subprocess, sys, tempfile, termios
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "docs/terminal.svg"
COLUMNS, LINE, CHARACTER, MARGIN = 96, 19, 8.43, 16
SESSION = [
    "barge load -i examples/hello",
    "barge image ls --tree",
    "barge save hello-barge --platform linux/amd64,linux/arm64 -o two.tar",
    "barge save hello-barge --platform linux/mips64 -o three.tar",
    "barge archive verify two.tar",
]
INK, PALE, BACK, BAR = "#e6e1dc", "#8a8f98", "#1b1e23", "#2a2e35"
COLOURS = {30: "#8a8f98", 31: "#e06c75", 32: "#98c379", 33: "#e5c07b", 34: "#61afef", 35: "#c678dd", 36: "#56b6c2", 37: INK}


def run(command, folder, environment):
    """What a command writes to a terminal, lines of (text, style)."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    process = subprocess.Popen(command, shell=True, cwd=folder, env=environment, stdin=follower, stdout=follower, stderr=follower, close_fds=True)
    os.close(follower)
    written = b""
    while True:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        written += piece
    process.wait()
    os.close(leader)
    return screen(written.decode())


def screen(text):
    """Follows the few things that barge does to a terminal: returns, erased lines, the cursor upwards, colours."""
    lines, row, column, style = [[]], 0, 0, ()
    for control, letter, plain in re.findall(r"\x1b\[([0-9;?]*)([A-Za-z])|([^\x1b])", text, re.S):
        if plain == "\n":
            row, column = row + 1, 0
        elif plain == "\r":
            column = 0
        elif plain:
            if column == COLUMNS:
                row, column = row + 1, 0
                lines.extend([] for _ in range(row + 1 - len(lines)))
            line = lines[row]
            line.extend([(" ", ())] * (column + 1 - len(line)))
            line[column] = (plain, style)
            column += 1
        elif letter == "m":
            numbers = tuple(int(n or 0) for n in control.split(";"))
            style = () if 0 in numbers else style + numbers
        elif letter == "K":
            lines[row] = [] if control in ("2", "1") else lines[row][:column]
        elif letter == "A":
            row = max(0, row - int(control or 1))
        lines.extend([] for _ in range(row + 1 - len(lines)))
    while lines and not "".join(c for c, _ in lines[-1]).strip():
        lines.pop()
    return lines


def spans(line):
    """A line as SVG: runs of one style, each where it belongs."""
    out, start = [], 0
    while start < len(line):
        end = start
        while end < len(line) and line[end][1] == line[start][1]:
            end += 1
        text, style = "".join(c for c, _ in line[start:end]), line[start][1]
        colour = next((COLOURS[n % 60 if n >= 90 else n] for n in reversed(style) if n % 60 in COLOURS or n in COLOURS), PALE if 2 in style else None)
        attributes = (f' fill="{colour}"' if colour else "") + (' font-weight="bold"' if 1 in style else "")
        # Spaces in a row are one in a picture, so what is behind them has a place of its own.
        for words in re.finditer(r"\S+( \S+)*", text):
            x, length = MARGIN + (start + words.start()) * CHARACTER, len(words[0]) * CHARACTER
            out.append(f'<tspan x="{x:.1f}" textLength="{length:.1f}"{attributes}>{html.escape(words[0])}</tspan>')
        start = end
    return "".join(out)


def draw():
    barge = Path(os.environ.get("BARGE", ROOT / "target/release/barge")).resolve()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT / "examples", Path(folder) / "examples")
        (Path(folder) / "bin").mkdir()
        os.symlink(barge, Path(folder) / "bin/barge")
        environment = {"PATH": f"{folder}/bin:/usr/bin:/bin", "HOME": folder, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        lines = []
        for command in SESSION:
            prompt = [("$", (32,)), (" ", ())] + [(c, (1,)) for c in command]
            lines += [prompt] + run(command, folder, environment) + [[]]
    lines.pop()
    width, height = COLUMNS * CHARACTER + 2 * MARGIN, len(lines) * LINE + 3 * MARGIN + 14
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img">',
        "<title>barge loads an image for seven platforms, lists it, saves two of them, says why a third is not to be had, and verifies the archive</title>",
        f'<rect width="100%" height="100%" rx="8" fill="{BACK}"/><path d="M0 28V8a8 8 0 0 1 8-8H{width - 8:.0f}a8 8 0 0 1 8 8V28z" fill="{BAR}"/>',
    ]
    out += [f'<circle cx="{18 + 18 * i}" cy="14" r="5.5" fill="{c}"/>' for i, c in enumerate(("#e06c75", "#e5c07b", "#98c379"))]
    out.append(f'<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="{INK}">')
    out += [f'<text y="{28 + MARGIN + 12 + i * LINE}">{spans(line)}</text>' for i, line in enumerate(lines) if line]
    return "\n".join(out + ["</g>", "</svg>", ""])


drawn = draw()
if sys.argv[1:] == ["--check"]:
    if PICTURE.read_text() != drawn:
        sys.exit(f"{PICTURE.name} is not what barge shows now: run docs/terminal.py")
else:
    PICTURE.write_text(drawn)
