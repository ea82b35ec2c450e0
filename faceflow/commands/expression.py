"""`faceflow expression`, `faceflow spot`."""

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
    from pipelines.files import check_outputs, replacing
    from pipelines.io.images import check_picture_path, write_image

    if len(input) not in (1, 2):
        raise InputError(f"onset and apex, or one clip, are needed, not {len(input)} inputs")
    check_outputs(picture, json, inputs=input)
    if picture:
        check_picture_path(picture)

    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.inference.recognition import recognise_clip, recognise_pair

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


def spot(
    clip: Positional[Annotated[Path, arg(metavar="CLIP")]],
    longest: float = 0.5,
    rate: float | None = None,
    model: Annotated[str, arg(metavar="PRESET|RUN")] = "expression",
    json: Path | None = None,
) -> None:
    """Find the micro-expressions of a long clip: what comes and goes within half a second, and its class.

    Args:
        clip: a video, or a folder of pictures.
        longest: that a micro-expression takes from onset to offset, seconds. Slower ones are none.
        rate: frames per second; by default what the video states, and 25 for a folder of pictures.
        model: that says the class: a preset, or the folder of a run of faceflow train expression.
        json: also write the figures.
    """
    from pipelines.files import check_outputs, replacing

    check_outputs(json, inputs=(clip,))

    from keras_models.inference.clip_spotting import spot_clip
    from keras_models.inference.expression_classifier import open_classifier

    found = spot_clip(clip, open_classifier(model), longest, rate)
    if not found:
        say(f"{clip}: nothing came and went within {longest:g} seconds")
    else:
        rows = [
            (
                *map(str, (one.first, one.apex, one.last)),
                one.expression,
                f"{one.probabilities[one.expression]:.3f}",
            )
            for one in found
        ]
        print_table(("onset", "apex", "offset", "class", "probability"), rows)
    if json:
        with replacing(json) as part:
            part.write_text(json_format.dumps([vars(one) for one in found], indent=1))
