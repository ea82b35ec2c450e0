"""Splits by subject: nobody's face is on both sides."""

import hashlib
from collections.abc import Iterable

from pipelines.errors import InputError


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
