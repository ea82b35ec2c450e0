"""Which two frames of a clip make a pair: schemes by name. No pair spans two clips."""

import statistics
from collections.abc import Sequence
from itertools import pairwise

from pipelines.datasets.clip import Clip
from pipelines.errors import InputError

SCHEMES = ("consecutive", "every:K", "onset_apex", "neutral_peak")


def frame_pairs(scheme: str, clip: Clip, frame_count: int) -> list[tuple[int, int]]:
    """Choose the pairs of a clip.

    - `consecutive`: each frame and the next one (the paper's scheme).
    - `every:K`: each frame and the K-th after it.
    - `onset_apex`: one pair, from the onset to the apex.
    - `neutral_peak`: one pair, from the clip's first frame to the apex.

    Where the corpus numbers its frames, "next" and "K-th" are by number: if that frame is missing on disk,
    there is no such pair.

    Args:
        scheme: one of these.
        clip: clip to take the frames from.
        frame_count: how many frames could be read of it.

    Returns:
        Indices (i, j) into the clip's frames, i < j, in the order of i; none if the clip is too short for
        the step.

    Raises:
        InputError: for an unknown scheme, or a clip without what the scheme needs.
    """
    if scheme in ("onset_apex", "neutral_peak"):
        return [_to_the_apex(scheme, clip, frame_count)]
    name, _, step = "every:1".partition(":") if scheme == "consecutive" else scheme.partition(":")
    if name != "every" or not (step.isdecimal() and int(step)):
        raise InputError(
            f"unknown scheme of pairs {scheme!r}; use one of: {', '.join(SCHEMES)} (K from 1 on)"
        )
    numbers = range(frame_count) if clip.numbers is None else clip.numbers[:frame_count]
    index = {number: i for i, number in enumerate(numbers)}
    return [(i, index[number + int(step)]) for i, number in enumerate(numbers) if number + int(step) in index]


def runs(numbers: Sequence[int]) -> list[range]:
    """Divide frames, given by their rising numbers, where some are missing between them.

    Corpora may keep every second frame; the usual distance of two numbers is that of neighbours.

    Examples:
        >>> runs([1, 2, 3, 7, 8])
        [range(0, 3), range(3, 5)]
        >>> runs([2, 4, 6, 12])
        [range(0, 3), range(3, 4)]
    """
    steps = [after - before for before, after in pairwise(numbers)]
    usual = statistics.mode(steps) if steps else 1
    edges = [0, *(k for k, step in enumerate(steps, start=1) if step > usual), len(numbers)]
    return [range(first, end) for first, end in pairwise(edges)]


def _to_the_apex(scheme: str, clip: Clip, frame_count: int) -> tuple[int, int]:
    first = 0 if scheme == "neutral_peak" else clip.onset
    missing = [name for name, value in (("onset", first), ("apex", clip.apex)) if value is None]
    if missing:
        raise InputError(
            f"{clip.name}: its {' and '.join(missing)} are not known, which pairs {scheme!r} need; "
            "use consecutive or every:K"
        )
    if not first < clip.apex < frame_count:
        raise InputError(
            f"{clip.name}: no pair from frame {first} to the apex {clip.apex}: it has {frame_count} frames"
        )
    return first, clip.apex
