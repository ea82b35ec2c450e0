"""`faceflow evaluate`."""

import json as json_format
from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from faceflow.arguments import Folder
from faceflow.console import print_table, progress, say


def evaluate_flow(
    pairs: Folder,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    save: Path | None = None,
    json: Path | None = None,
    report: Path | None = None,
) -> None:
    """Compare flow methods on a folder of pairs whose motion is known.

    Args:
        pairs: folder with NNNNN_img1.png, NNNNN_img2.png, NNNNN_flow.flo.
        method: a method; repeat the option for more. default (the network that comes with FaceFlow), zero,
            dis_fast, dis_medium, dis_fine, farneback, tvl1, deepflow, label:sparse, label:mesh,
            label:mesh_matched, label:spline, label:refined, or the folder of a training run or SavedModel.
            Without it, all that have a name.
        save: write every flow as SAVE/METHOD/NNNNN.flo.
        json: write all figures.
        report: write a page with tables and pictures.
    """
    from pipelines.files import check_outputs, replacing
    from pipelines.pairs import list_pairs

    # Before the imports that take their time: a slip in a path is said at once.
    check_outputs(json, report)
    count = len(list_pairs(pairs))

    from keras_models.evaluate_flow import evaluate_flow as evaluate
    from keras_models.flow_report import flow_table, write_flow_report
    from keras_models.methods import METHODS, open_method

    methods = {name: open_method(name) for name in method or METHODS}
    with progress("evaluate", count) as step:
        evaluation = evaluate(pairs, methods, save, on_pair=step)
    for failure in evaluation.failures:
        say(f"pair {failure.pair}, {failure.method}: {failure.failure}")
    table = flow_table(evaluation)
    print_table(table.columns, table.rows)
    if json:
        with replacing(json) as part:
            part.write_text(json_format.dumps(evaluation.to_json(), indent=1))
    if report:
        write_flow_report(report, evaluation, methods)
