"""What both comparisons share: the table of figures and targets, and which program is measured."""

import os
import pathlib
import subprocess

from servers import CannotRun


class Table:
    def __init__(self, columns):
        self.columns = columns
        self.rows, self.missed, self.failed = [], [], []

    def add(self, what, cells, target="", holds=None):
        """`cells` by column; `holds` is None where there is no target."""
        word = "" if holds is None else "holds" if holds else "**misses**"
        if holds is False:
            self.missed.append(f"{what}: {cells.get('scrutineer', '')}, target {target}")
        self.rows.append([what, *(cells.get(column, "") for column in self.columns), target, word])

    def fail(self, what, why):
        self.failed.append(f"{what}: {why}")

    def print(self):
        head = ["what", *self.columns, "target for scrutineer", "result"]
        widths = [max(len(row[at]) for row in [head, *self.rows]) for at in range(len(head))]
        for row in (head, ["-" * width for width in widths], *self.rows):
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")


def program(given):
    """The release build of this repository, unless told otherwise."""
    root = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or root / "target")
    path = pathlib.Path(given) if given else target / "release" / "scrutineer"
    if not path.is_file():
        raise CannotRun(f"no program at {path}: build it with `cargo build --release`, or name it with --scrutineer")
    return path


def lab_program(given):
    """The example that serves the lab's DNS, built if it is not there."""
    root = pathlib.Path(__file__).resolve().parent.parent
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or root / "target")
    path = pathlib.Path(given) if given else target / "debug" / "examples" / "dns_lab"
    if not given and not path.is_file():
        subprocess.run(["cargo", "build", "--locked", "--example", "dns_lab"], cwd=root, check=True)
    if not path.is_file():
        raise CannotRun(f"no lab at {path}")
    return path.resolve()
