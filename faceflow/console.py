"""Progress, messages and tables: tables on stdout, all else on stderr, as bars only on a terminal."""

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from pipelines.datasets.reading import Issue

# Without markup: names of files and methods may hold `[red]` or `:label:`.
_messages = Console(stderr=True, highlight=False, markup=False, emoji=False)
# A pipe has no width; a table that is cut off at 80 columns is of no use in a log.
_results = Console(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else 200)
_SECONDS_BETWEEN_LINES = 10.0


def say(message: str) -> None:
    """Print a message to stderr."""
    _messages.print(message, soft_wrap=True)


@contextmanager
def gauge(title: str) -> Iterator[Callable[[int, int | None], None]]:
    """Show the progress of a task that reports its count.

    Args:
        title: Name of the task.

    Yields:
        A function `(done, total)`: number of finished steps, and of all steps or None.
    """
    if _messages.is_terminal:
        title_column = TextColumn("{task.description}", markup=False)
        columns = (title_column, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=_messages) as bar:
            task = bar.add_task(title, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return

    said = time.monotonic()

    def show(done: int, total: int | None) -> None:
        nonlocal said
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES or done == total:
            said = time.monotonic()
            say(f"{title}: {done}{f'/{total}' if total else ''}")

    yield show


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[object], None]]:
    """Show the progress of a task that reports each step.

    Args:
        title: Name of the task.
        total: Number of steps, or None if it is unknown.

    Yields:
        A function to call after each step. Its argument is ignored.
    """
    steps = itertools.count(1)
    with gauge(title) as show:
        yield lambda step: show(next(steps), total)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout. The first column is aligned left, the others right."""
    table = Table(box=None, pad_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, justify="left" if k == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _results.print(table)


def say_skipped(issues: Mapping[str, Sequence["Issue"]]) -> None:
    """Print what was skipped, once; with the name of the method if others could use it.

    Args:
        issues: issues of the samples of each method.
    """
    by_method = {name: [one for one in found if one.kind == "skipped"] for name, found in issues.items()}
    for name, found in by_method.items():
        for one in found:
            everywhere = all(one in others for others in by_method.values())
            if not everywhere or found is next(iter(by_method.values())):
                say(f"skipped{'' if everywhere else f' by {name}'}: {one.clip}: {one.reason}")
