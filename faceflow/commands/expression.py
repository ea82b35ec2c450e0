"""`faceflow expression`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from faceflow.console import print_table, say
from faceflow.operation_threads import one_thread_per_operation

# Pixels of the crop: more than any rendered micro-expression of `benchmarks.classifiers.no_movement`.
_MORE_THAN_MICRO = 1.5


def expression(
    input: Positional[Annotated[tuple[Path, ...], arg(metavar="ONSET APEX | CLIP")]],
    model: Annotated[str, arg(metavar="PRESET|RUN")] = "expression",
    picture: Path | None = None,
    json: Path | None = None,
) -> None:
    """Recognise a micro-expression: the probability of each class or Action Unit, and the apex of a clip.

    Args:
        input: Two pictures of one face, neutral and at the height of the expression, in this order; or a clip
            (a video, or a folder of pictures) that starts with the neutral face.
        model: Classifier of the expressions: a preset, or the folder of a run of faceflow train expression.
        picture: PNG to write with the face, the flow without the motion of the head, and the strain.
        json: File for the result, as JSON: onset, apex, expression (the class, or Action Units as AU1+AU2;
            "no movement" if the face moves too little), motion, and calibrated probabilities.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs, write_json
    from pipelines.io.images import check_picture_path, write_image

    if len(input) not in (1, 2):
        raise InputError(f"give ONSET and APEX, or one CLIP, not {len(input)} inputs")
    check_outputs(picture, json, inputs=input)
    if picture:
        check_picture_path(picture)
    one_thread_per_operation()

    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.inference.recognition import NO_MOVEMENT, recognise_clip, recognise_pair
    from keras_models.presets import EXPRESSION

    classifier = open_classifier(model)
    found = (recognise_pair if len(input) == 2 else recognise_clip)(*input, classifier)
    if found.apex is not None:
        say(f"{input[0]}: the apex is frame {found.apex}, counted from 0")
    say(f"{found.expression} (the face moves by {found.strength:.2f} pixels of the crop, without the head)")
    if model == EXPRESSION and found.strength > _MORE_THAN_MICRO and found.expression != NO_MOVEMENT:
        say(
            "the face moves more than in the micro-expressions that `expression` was trained on, so its "
            "answer is less reliable"
        )
    heading = "Action Unit" if found.is_binary else "class"
    print_table((heading, "probability"), [(k, f"{v:.3f}") for k, v in found.probabilities.items()])
    if picture:
        write_image(picture, found.picture())
    if json:
        content = {
            "onset": found.onset,
            "apex": found.apex,
            "expression": found.expression,
            "motion": found.strength,
            "probabilities": found.probabilities,
        }
        write_json(json, content)
