"""Ranges of settings: what is checked, what the message says, and what `--help` shows."""

import dataclasses
import math

import pytest

from pipelines.errors import InputError
from pipelines.settings import check_settings, number, settings


@settings
class Inner:
    """Settings of something inside.

    Attributes:
        momentum: Share of the old value.
    """

    momentum: float = number(default=0.9, minimum=0, below=1)


@settings
class Outer:
    """Settings of a step.

    Attributes:
        batch_size: Number of pairs in a step,
            over all devices.
        learning_rate: Learning rate of Adam.
        max_minutes: Time limit; none by default.
        name: What to call it.
        inner: Settings of what is inside.
    """

    batch_size: int = number(default=8, minimum=1)
    learning_rate: float = number(default=1e-3, above=0)
    max_minutes: float | None = number(default=None, above=0, maximum=60)
    clip: float = dataclasses.field(default=1.0)
    name: str = "x"
    inner: Inner = dataclasses.field(default_factory=Inner)


def test_defaults_and_bounds_are_in_range():
    check_settings(Outer())
    check_settings(Outer(batch_size=1, max_minutes=60, inner=Inner(momentum=0)))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"batch_size": 0}, "batch_size must be at least 1, but is 0"),
        ({"batch_size": None}, "batch_size must be at least 1, but is None"),
        ({"learning_rate": 0.0}, "learning_rate must be greater than 0, but is 0.0"),
        ({"learning_rate": math.nan}, "learning_rate must be greater than 0, but is nan"),
        ({"learning_rate": math.inf}, "learning_rate must be greater than 0 and finite, but is inf"),
        ({"max_minutes": 61.0}, "max_minutes must be greater than 0 and at most 60, but is 61.0"),
        ({"inner": Inner(momentum=1.0)}, "momentum must be at least 0 and less than 1, but is 1.0"),
    ],
)
def test_a_number_out_of_range_is_named(values, message):
    with pytest.raises(InputError) as raised:
        check_settings(Outer(**values))
    assert str(raised.value) == message


def test_infinity_where_it_is_allowed():
    @settings
    class Clipped:
        """Settings of clipping.

        Attributes:
            norm: Greatest norm.
        """

        norm: float = number(default=1.0, above=0, finite=False)

    check_settings(Clipped(norm=math.inf))
    with pytest.raises(InputError):
        check_settings(Clipped(norm=math.nan))


def test_help_shows_the_ranges(capsys):
    import tyro

    with pytest.raises(SystemExit):
        tyro.cli(Outer, args=["--help"])
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Number of pairs in a step, over all devices. Must be at least 1. (default: 8)" in shown
    assert "Must be greater than 0 and at most 60. (default: None)" in shown
    assert "Must be at least 0 and less than 1. (default: 0.9)" in shown


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Outer().name = "y"


def test_a_range_needs_a_description():
    with pytest.raises(AssertionError, match="steps has a range but no description"):

        @settings
        class _:
            """Settings without a list of them."""

            steps: int = number(default=1, minimum=1)
