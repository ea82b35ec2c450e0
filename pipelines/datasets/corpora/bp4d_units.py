"""BP4D's unit codes: a table of occurrences a clip, and a table of intensities a clip and unit.

The two count frames differently: row f of an occurrence table is image f, row f of an intensity table (those
of BP4D+) is image f - 1.
"""

from pathlib import Path

import numpy as np

from pipelines.datasets.clip import ActionUnit
from pipelines.errors import InputError

UNKNOWN = 9


def read_occurrence(file: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read an occurrence table, whose first row is 0 (the column of frames) and the unit numbers.

    Returns:
        (int64 [T] image numbers, int64 [U] units, int64 [T, U] codes: 0, 1, or 9 for unknown).

    Raises:
        InputError: if it is no such table.
    """
    table = _table(file)
    if table[0, 0] != 0 or table.shape[1] < 2:
        raise InputError(f"{file}: its first row should be 0 and the unit numbers")
    return table[1:, 0], table[0, 1:], table[1:, 1:]


def read_intensity(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Read an intensity table of one unit, rows of frame and intensity.

    Returns:
        (int64 [T] image numbers, int64 [T] intensities 0-5, or 9 for unknown).

    Raises:
        InputError: if it is no such table.
    """
    table = _table(file)
    if table.shape[1] != 2:
        raise InputError(f"{file}: its rows should be frame and intensity")
    return table[:, 0] - 1, table[:, 1]


def clip_units(source: Path, name: str, images: set[int]) -> tuple[tuple[ActionUnit, ...], list[str]]:
    """Sum up the codes of a clip: the units that occur in its images, with their largest intensity.

    Args:
        source: the corpus' folder.
        name: name of the clip, such as `F001_T1`.
        images: numbers of the images that are there; codes of others do not count.

    Returns:
        (units, repairs).
    """
    coding = source / "AUCoding"
    file = coding / "AU_OCC" / f"{name}.csv"
    repairs = []
    occurring: dict[int, float | None] = {}
    try:
        if not file.exists():
            raise InputError(f"no AU_OCC/{name}.csv")
        numbers, units, codes = read_occurrence(file)
        there = np.isin(numbers, list(images))
        if absent := int((~there).sum()):
            repairs.append(f"{absent} frame(s) with unit codes are missing")
        codes = codes[there]
        if unknown := int((codes == UNKNOWN).sum()):
            repairs.append(f"{unknown} unit codes are {UNKNOWN} (unknown); counted as not coded")
        occurring = dict.fromkeys(units[(codes == 1).any(axis=0)].tolist())
    except InputError as error:
        repairs.append(f"{error}; the clip has no units")
    for file in sorted((coding / "AU_INT").glob(f"AU*/{name}_AU*.csv")):
        number = file.stem.rpartition("_AU")[2]
        if not number.isdecimal():
            repairs.append(f"{file.name} is not named after a unit; ignored")
            continue
        unit = int(number)
        try:
            numbers, levels = read_intensity(file)
        except InputError as error:
            repairs.append(f"{error}; intensity of AU {unit} unknown")
            continue
        levels = levels[np.isin(numbers, list(images)) & (levels != UNKNOWN)]
        if unit in occurring and levels.size:
            occurring[unit] = float(levels.max())
    return tuple(ActionUnit(unit, None, level) for unit, level in sorted(occurring.items())), repairs


def _table(file: Path) -> np.ndarray:
    try:
        table = np.loadtxt(file, delimiter=",", dtype=np.int64, ndmin=2)
    except (ValueError, OSError) as error:
        raise InputError(f"{file}: not a table of whole numbers ({error})") from error
    if not len(table):
        raise InputError(f"{file}: empty")
    return table
