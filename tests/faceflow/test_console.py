"""Names are printed as they are, also if they look like markup or emoji."""

from faceflow.console import print_table, say

NAMES = ("runs/net[red]", "runs/a[/b]", "consistency:label:mesh")


def test_tables(capsys):
    print_table(("method", "[bold]EPE[/bold]"), [(name, "0.1") for name in NAMES])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["method", "[bold]EPE[/bold]"]
    assert [line.split()[0] for line in lines[1:]] == [*NAMES]


def test_messages(capsys):
    for name in NAMES:
        say(name)
    assert capsys.readouterr().err.splitlines() == [*NAMES]
