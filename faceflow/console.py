"""Progress and tables: a bar on a terminal, plain lines elsewhere; on stderr, results go to stdout."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

_messages = Console(stderr=True, highlight=False)
# A pipe has no width; a table that is cut off at 80 columns is of no use in a log.
_results = Console(highlight=False, width=None if sys.stdout.isatty() else 200)
_SECONDS_BETWEEN_LINES = 10.0


def say(message: str) -> None:
    """Print a remark."""
    _messages.print(message, markup=False, soft_wrap=True)


@contextmanager
def progress(title: str, total: int | None) -> Iterator[Callable[[str], None]]:
    """Show how far a long work has come.

    Args:
        title: what is being done.
        total: number of steps, if known.

    Yields:
        A function to call after each step with what was done.
    """
    if _messages.is_terminal:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=_messages) as bar:
            task = bar.add_task(title, total=total)
            yield lambda what: bar.update(task, advance=1, description=f"{title}: {what}")
        return

    count, said = 0, time.monotonic()

    def step(what: str) -> None:
        nonlocal count, said
        count += 1
        if time.monotonic() - said > _SECONDS_BETWEEN_LINES or count == total:
            said = time.monotonic()
            say(f"{title}: {count}{f'/{total}' if total else ''} ({what})")

    yield step


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table to stdout; the first column is aligned left, the others right."""
    table = Table(box=None, pad_edge=False)
    for k, column in enumerate(columns):
        table.add_column(column, justify="left" if k == 0 else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    _results.print(table)
