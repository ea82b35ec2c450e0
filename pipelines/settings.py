"""Numbers of a configuration whose range is stated once, checked from there and shown by `--help`."""

import dataclasses
import inspect
import math
import re
from dataclasses import dataclass
from typing import Any, TypeVar, dataclass_transform

from pipelines.errors import InputError

_T = TypeVar("_T")


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may have; a bound of None does not bind.

    Attributes:
        minimum: Least allowed value.
        above: Bound that the value must exceed.
        maximum: Greatest allowed value.
        below: Bound that the value must stay under.
        finite: Whether infinity is excluded. NaN always is.
    """

    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    below: float | None = None
    finite: bool = True

    def __contains__(self, value: float) -> bool:
        # NaN is on no side of any bound, so bounds alone would not exclude it everywhere.
        return (
            not math.isnan(value)
            and (self.minimum is None or value >= self.minimum)
            and (self.above is None or value > self.above)
            and (self.maximum is None or value <= self.maximum)
            and (self.below is None or value < self.below)
            and (not self.finite or math.isfinite(value))
        )

    def __str__(self) -> str:
        bounds = (
            ("at least", self.minimum),
            ("greater than", self.above),
            ("at most", self.maximum),
            ("less than", self.below),
        )
        parts = [f"{words} {bound:g}" for words, bound in bounds if bound is not None]
        return " and ".join(parts) or "a number"


def number(
    *,
    default: float | None,
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    below: float | None = None,
    finite: bool = True,
) -> Any:
    """Declare a number with a range, as a field of a class that `settings` decorates.

    Args:
        default: Default value; None also makes None an allowed value.
        minimum: Least allowed value.
        above: Bound that the value must exceed.
        maximum: Greatest allowed value.
        below: Bound that the value must stay under.
        finite: Whether infinity is excluded. NaN always is.
    """
    allowed = Range(minimum, above, maximum, below, finite)
    return dataclasses.field(default=default, metadata={"range": allowed})


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field, number))
def settings(cls: type[_T]) -> type[_T]:
    """Make a class a frozen dataclass whose documentation, and so `--help`, states the range of each number.

    The range is added to the number's description under `Attributes:`, where tyro finds it. Nothing is
    checked before `check_settings` is called.

    >>> @settings
    ... class Smoothing:
    ...     '''Settings of a filter.
    ...
    ...     Attributes:
    ...         sigma: Standard deviation in pixels.
    ...     '''
    ...
    ...     sigma: float = number(default=1.5, above=0)
    >>> print(Smoothing.__doc__.splitlines()[-1].strip())
    sigma: Standard deviation in pixels. Must be greater than 0.
    >>> check_settings(Smoothing(sigma=-1.0))
    Traceback (most recent call last):
    pipelines.errors.InputError: sigma must be greater than 0, but is -1.0
    """
    cls = dataclass(frozen=True)(cls)
    if cls.__doc__ is None:  # python -OO
        return cls
    text = inspect.cleandoc(cls.__doc__)
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]  # it has just become a dataclass
        if "range" in field.metadata:
            text, found = re.subn(
                rf"^(    {field.name}: .*(?:\n {{8}}.*)*)$",
                rf"\1 Must be {field.metadata['range']}.",
                text,
                flags=re.MULTILINE,
            )
            assert found, f"{cls.__name__}.{field.name} has a range but no description"
    cls.__doc__ = text
    return cls


def check_settings(config: Any) -> None:
    """Check the numbers of a configuration, and of the configurations inside it, against their ranges.

    Args:
        config: Instance of a class that `settings` decorates.

    Raises:
        InputError: if a number is outside its range; the message names the setting and the range.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            check_settings(value)
        elif "range" in field.metadata and not (value is None and field.default is None):
            allowed = field.metadata["range"]
            if value is None or value not in allowed:
                finite = " and finite" if value is not None and math.isinf(value) else ""
                raise InputError(f"{field.name} must be {allowed}{finite}, but is {value}")
