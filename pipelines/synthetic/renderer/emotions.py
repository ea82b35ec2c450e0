"""Action Units of micro-expressions, drawn from what coders counted in real corpora.

`action_unit_counts.csv` counts 3,879 coded micro-expressions by corpus, emotion and combination of Action
Units, `L` and `R` for units that moved on the subject's left or right side alone. The counts are from the
coding sheets of:

- casme2: Yan et al., "CASME II", PLoS ONE 9(1), 2014. Rows without a legible code (`?`) are not counted.
- samm: Davison et al., "SAMM: A Spontaneous Micro-Facial Movement Dataset", TAC 9(1), 2018.
- casme3: Li et al., "CAS(ME)^3", TPAMI 45(3), 2023, part A.
- dfme: Zhao et al., "DFME: A New Benchmark for Dynamic Facial Micro-Expression Recognition", TAC, 2024.

Micro-expressions are not the prototypes of the FACS guide: happiness is AU 12 alone more often than 6+12,
disgust in CASME II is AU 4 or 4+7, surprise is 1+2 with the jaw closed.
"""

import csv
import re
from functools import lru_cache
from pathlib import Path

import numpy as np

from pipelines.errors import InputError
from pipelines.synthetic.renderer.geometry.facial_expression import COLUMNS

_COUNTS = Path(__file__).with_name("action_unit_counts.csv")
_UNIT = re.compile(r"([LR]?)(\d+)")

#: SMIC has three labels and no coded units: its clips are drawn from CASME II and SAMM together, the emotions
#: merged as MEGC 2019 merges them.
_SMIC = {
    "negative": (
        *(("casme2", name) for name in ("disgust", "repression")),
        *(("samm", name) for name in ("anger", "contempt", "disgust", "fear", "sadness")),
    ),
    "positive": (("casme2", "happiness"), ("samm", "happiness")),
    "surprise": (("casme2", "surprise"), ("samm", "surprise")),
}

#: In place of a corpus: the clips of all counted corpora together, for corpora whose counts nobody published.
POOLED = "pooled"

# The counts have no intensities: a range of ours, of one unit beside another. How far the skin moves in all,
# `expression_clips.micro` decides.
_INTENSITY = (0.6, 1.0)
_ASYMMETRY = 0.1  # standard deviation of the ratio between the sides of a unit that is coded without a side


@lru_cache(maxsize=1)
def counts() -> dict[tuple[str, str], dict[str, int]]:
    """Return the clips of each combination of Action Units, by (corpus, emotion).

    Examples:
        >>> counts()["casme2", "disgust"]["4+7"]
        20
    """
    found: dict[tuple[str, str], dict[str, int]] = {}
    with _COUNTS.open(newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault((row["corpus"], row["emotion"]), {})[row["action_units"]] = int(row["clips"])
    counted = tuple(found)
    members = {("smic", label): of_label for label, of_label in _SMIC.items()}
    members |= {
        (POOLED, emotion): tuple(key for key in counted if key[1] == emotion) for _, emotion in counted
    }
    for key, of_key in members.items():
        pool = found[key] = {}
        for member in of_key:
            for combination, clips in found[member].items():
                pool[combination] = pool.get(combination, 0) + clips
    return found


def columns_of(combination: str) -> list[int]:
    """Return the columns of the intensity vector that a coded combination names, such as `4+L10`.

    Units that the renderer does not have (38 and 39, the nostrils; 28, the lips sucked in; and rarer ones)
    are passed over. A unit that has no sides of its own acts as a whole, whatever side is coded (`L16`).

    Examples:
        >>> [COLUMNS[k] for k in columns_of("4+L10+38")]
        ['AU04R', 'AU04L', 'AU10L']
    """
    columns = []
    for unit in combination.split("+"):
        side, number = _UNIT.fullmatch(unit).groups()
        name = f"AU{int(number):02d}"
        columns += [
            k
            for k, column in enumerate(COLUMNS)
            if column == name or (column[:-1] == name and (not side or column[-1] == side))
        ]
    return columns


@lru_cache(maxsize=64)
def _choices(corpus: str, emotion: str) -> tuple[list[list[int]], np.ndarray]:
    """Combinations that can be rendered, as columns, and the share of each."""
    table = counts()
    if (corpus, emotion) not in table:
        names = ", ".join(sorted({name for owner, name in table if owner == corpus}))
        corpora = ", ".join(sorted({owner for owner, _ in table}))
        known = f"{corpus} has {names}" if names else f"corpora with counts: {corpora}"
        raise InputError(f"no counts of Action Units for {emotion!r} of {corpus!r}; {known}")
    rendered = [(columns_of(name), clips) for name, clips in table[corpus, emotion].items()]
    rendered = [(columns, clips) for columns, clips in rendered if columns]
    weights = np.array([clips for _, clips in rendered], np.float64)
    return [columns for columns, _ in rendered], weights / weights.sum()


def draw_emotion(corpus: str, emotion: str, rng: np.random.Generator) -> np.ndarray:
    """Draw the Action Units of one micro-expression as they occur in a corpus.

    Args:
        corpus: casme2, samm, smic, casme3 or dfme; or `POOLED`.
        emotion: emotion in the words of the coding sheet, in lower case (`others` for SAMM's "Other").
        rng: decides on the combination, the intensities and the asymmetry.

    Returns:
        Intensities, float64 [len(COLUMNS)], in 0-1: each coded unit 0.6 to 1, its sides differing by about 10
        %; 0 for all others.

    Raises:
        InputError: for an emotion that was not counted in that corpus.
    """
    choices, shares = _choices(corpus, emotion)
    columns = choices[rng.choice(len(choices), p=shares)]
    by_unit = {COLUMNS[k].rstrip("RL"): rng.uniform(*_INTENSITY) for k in columns}
    units = np.zeros(len(COLUMNS))
    for k in columns:
        units[k] = by_unit[COLUMNS[k].rstrip("RL")] * (1 + _ASYMMETRY * rng.standard_normal())
    return np.clip(units, 0, 1)
