"""Action Units as coders type them: `4+L10`, `R12B+14A`, `(R6 or R12)+R15`, `AU 7`, `4(k)`, 12, `?`."""

import re
from dataclasses import replace

from pipelines.datasets.clip import ActionUnit

_UNIT = re.compile(r"(?:AU)?\s*([LR]?)\s*(\d{1,2})\s*([A-E]?)\s*(\(\s*k\s*\))?", re.IGNORECASE)


def parse_units(text: str) -> tuple[tuple[ActionUnit, ...], list[str]]:
    """Read a cell of Action Units.

    Args:
        text: units joined by `+` or commas; alternatives joined by `or`, in parentheses or not; `(k)` marks a
            unit as uncertain.

    Returns:
        (units, the parts of the text that are none, such as `?`).
    """
    units, unread = [], []
    for part in filter(None, (part.strip() for part in re.split(r"[+,]", text))):
        read = [_unit(choice) for choice in re.split(r"\bor\b", _without_brackets(part), flags=re.IGNORECASE)]
        if None in read:
            unread.append(part)
            continue
        first, *others = read
        units.append(replace(first, alternatives=tuple(others)))
    return tuple(units), unread


def _unit(text: str) -> ActionUnit | None:
    match = _UNIT.fullmatch(text.strip())
    if match is None:
        return None
    side, number, intensity, uncertain = match.groups()
    return ActionUnit(
        int(number), side.upper() or None, intensity.upper() or None, uncertain=uncertain is not None
    )


def _without_brackets(part: str) -> str:
    if "(k)" in part.lower():
        return part[1:-1] if part.startswith("(") and part.endswith(")") else part
    return part.strip("()")
