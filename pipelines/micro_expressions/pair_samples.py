"""The pairs of a folder as samples: features of the flow between the two faces of each."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from pipelines.datasets.reading import Issue
from pipelines.errors import InputError
from pipelines.io.images import read_images
from pipelines.io.pairs import list_pairs, read_metadata
from pipelines.landmarks.detector import FaceMesh
from pipelines.micro_expressions.onset_apex import Estimate, aligned_pair
from pipelines.micro_expressions.samples import Samples

#: Stands for the label of a pair, which has none.
NO_LABEL = -1
NAME = "pairs"


def pair_samples(
    folder: Path,
    estimate: Estimate,
    remove_head: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Samples:
    """Compute the features of the pairs in a folder.

    Args:
        folder: folder of pairs, `NNNNN_img1.png`, `NNNNN_img2.png`.
        estimate: function that estimates the flow of two frames.
        remove_head: see `features.flow_features`.
        progress: called with the number of pairs done and the number of all.

    Returns:
        Samples without labels (`NO_LABEL`), with the subjects of `pairs.csv`, or one subject without it;
        pairs that cannot be used are in `issues`.

    Raises:
        InputError: if the folder has no pairs, or none of them a face.
    """
    names = list_pairs(folder, with_flow=False)
    features, kept, issues = [], [], []
    with FaceMesh() as face_mesh:
        for number, name in enumerate(names):
            files = [folder / f"{name}_img{k}.png" for k in (1, 2)]
            try:
                pair = aligned_pair(*read_images(files), estimate, face_mesh, tuple(map(str, files)))
            except InputError as error:
                issues.append(Issue(f"pair {name}", "skipped", str(error)))
            else:
                features.append(pair.features(remove_head))
                kept.append(name)
            progress(number + 1, len(names))
    if not kept:
        raise InputError(f"{folder}: no pair can be used; {issues[0].clip}: {issues[0].reason}")
    count = len(kept)
    labels = np.full(count, NO_LABEL, np.int32)
    owners = (NAME,) * count
    rows = read_metadata(folder)
    subjects = tuple(f"{NAME}/{rows.get(name, {}).get('subject') or 'pair'}" for name in kept)
    clips = tuple(f"{NAME}/{name}" for name in kept)
    return Samples(np.stack(features), labels, owners, subjects, clips, issues)
