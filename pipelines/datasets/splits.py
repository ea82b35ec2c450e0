"""Splits by subject: nobody's face is on both sides."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.errors import InputError

SPLITS = ("loso", "3-fold", "bp4d-3-fold")

# The partition by which work on Action Units tests on BP4D, as in Luo et al., "Learning Multi-dimensional
# Edge Feature-based AU Relation Graph for Facial Action Unit Recognition", IJCAI 2022.
_BP4D_FOLDS = (
    "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
    "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
    "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
)


@dataclass(frozen=True)
class Fold:
    """One round of a cross-validation.

    Attributes:
        name: what is tested: the subject's name, or the number of the fold from 1 on.
        training: subjects to train on.
        test: subjects to test on; none of them is in `training`.
    """

    name: str
    training: frozenset[str]
    test: frozenset[str]


def folds(split: str, subjects: Iterable[str]) -> list[Fold]:
    """Divide subjects for a cross-validation, in which each of them is tested exactly once.

    - `loso`: leave one subject out, as micro-expressions are evaluated (MEGC 2019).
    - `3-fold`: the names in alphabetical order are dealt to three folds in turn.
    - `bp4d-3-fold`: the published partition of BP4D.

    Args:
        split: one of these.
        subjects: names, repeats allowed, in any order.

    Returns:
        The folds, the same for the same names.

    Raises:
        InputError: for an unknown split, too few subjects, or one that the published partition does not know.
    """
    names = sorted(set(subjects))
    if split == "loso":
        tested = {name: {name} for name in names}
    elif split == "3-fold":
        tested = {str(k + 1): set(names[k::3]) for k in range(3)}
    elif split == "bp4d-3-fold":
        tested = {str(k): set(fold.split()) & set(names) for k, fold in enumerate(_BP4D_FOLDS, start=1)}
        if strangers := sorted(set(names) - set().union(*tested.values())):
            raise InputError(
                f"split {split!r} is of the subjects of BP4D; {strangers[0]!r} is none; use 3-fold"
            )
    else:
        raise InputError(f"unknown split {split!r}; use one of: {', '.join(SPLITS)}")
    if len(tested) < 2 or not all(tested.values()):
        raise InputError(
            f"{len(names)} subject(s) are too few for {split!r}: nobody is left for one of its folds"
        )
    return [Fold(name, frozenset(names) - test, frozenset(test)) for name, test in tested.items()]


def split_subjects(subjects: Iterable[str], validation_share: float, seed: int) -> tuple[set[str], set[str]]:
    """Divide subjects into training and validation.

    The draw depends on the seed and the names alone, not on their order or number: each subject's place in
    line is a hash of seed and name, and the first ones validate.

    Args:
        subjects: names, repeats allowed.
        validation_share: share of subjects that validate, in [0, 1); at least one if it is positive.
        seed: written down with the run.

    Returns:
        (training subjects, validation subjects).

    Raises:
        InputError: if there are too few subjects to have some on each side.
    """
    line = sorted(set(subjects), key=lambda name: hashlib.sha256(f"{seed}:{name}".encode()).digest())
    validating = max(1, round(len(line) * validation_share)) if validation_share > 0 else 0
    if validating >= len(line):
        raise InputError(
            f"{len(line)} subject(s) cannot be split into training and validation without one person on both "
            "sides; add subjects, or set the validation share to 0"
        )
    return set(line[validating:]), set(line[:validating])
