"""`faceflow expression`."""

import json as json_format
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.console import print_table, say


def expression(
    input: Positional[Annotated[tuple[Path, ...], arg(metavar="ONSET APEX | CLIP")]],
    model: Annotated[str, arg(metavar="PRESET|RUN")] = "expression",
    picture: Path | None = None,
    json: Path | None = None,
) -> None:
    """Recognise a micro-expression: how likely each class is, and where a clip has its apex.

    Args:
        input: two pictures of one face, neutral and at the height of the expression, in this order; or a clip
            (a video, or a folder of pictures) that starts with the neutral face.
        model: a preset, or the folder of a run of faceflow train expression.
        picture: also write a PNG with the face, the flow without the head's motion, and the strain.
        json: also write the figures.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs, check_picture_path, replacing, write_image

    if len(input) not in (1, 2):
        raise InputError(f"onset and apex, or one clip, are needed, not {len(input)} inputs")
    check_outputs(picture, json, inputs=input)
    if picture:
        check_picture_path(picture)

    from keras_models.expression_classifier import open_classifier
    from keras_models.recognise import recognise_clip, recognise_pair

    classifier = open_classifier(model)
    found = (recognise_pair if len(input) == 2 else recognise_clip)(*input, classifier)
    if found.apex is not None:
        say(f"{input[0]}: the apex is frame {found.apex}, counted from 0")
    print_table(("class", "probability"), [(k, f"{v:.3f}") for k, v in found.probabilities.items()])
    if picture:
        write_image(picture, found.picture())
    if json:
        with replacing(json) as part:
            frames = {"onset": found.onset, "apex": found.apex}
            part.write_text(json_format.dumps(frames | {"probabilities": found.probabilities}, indent=1))
