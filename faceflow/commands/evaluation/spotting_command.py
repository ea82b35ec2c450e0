"""`faceflow evaluate spotting`."""

from pathlib import Path
from typing import Annotated

from tyro.conf import UseAppendAction, arg

from faceflow.arguments import Corpora
from faceflow.console import gauge, print_table, say


def evaluate_spotting(
    corpus: Corpora,
    method: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="NAME")] = (),
    flow: Annotated[str | None, arg(metavar="NAME")] = None,
    classifier: Annotated[str | None, arg(metavar="PRESET|RUN")] = None,
    json: Path | None = None,
    report: Path | None = None,
) -> None:
    """Evaluate spotting of macro- and micro-expressions in long videos, by the protocol of MEGC.

    An interval counts as found if its intersection over union with a coded interval of the same kind is at
    least 0.5. F1 is computed over all videos. Thresholds are learned with one subject left out.

    Args:
        corpus: Corpus of long videos: casme_squared=DIR, samm_long=DIR or casme3=DIR. Repeat the option for
            several.
        method: Spotting method: analyze, the events of `faceflow analyze`; flow, the flow from the first
            frame to each later one; or frame_difference, the baseline. Repeat the option for several. All by
            default.
        flow: Method that estimates the flow, as for `evaluate flow`. By default that of each spotting method:
            default for analyze, dis_medium for flow.
        classifier: Classifier of the spotted micro-expressions, for STRS (spotting times recognition): a
            preset, such as expression, or the folder of a training run.
        json: File for all figures and every interval, as JSON.
        report: File for a page with tables and the timeline of each video, as HTML.
    """
    from pipelines.errors import InputError
    from pipelines.files import check_outputs, write_json

    check_outputs(json, report)

    from keras_models.evaluation.spotting.evaluate_spotting import evaluate_spotting as evaluate
    from keras_models.evaluation.spotting.spot_recognition import check_classes, with_recognition
    from keras_models.evaluation.spotting.spotting_methods import METHODS, candidates_by
    from keras_models.evaluation.spotting.spotting_report import (
        spotting_table,
        strs_table,
        write_spotting_report,
    )
    from keras_models.inference.expression_classifier import open_classifier
    from keras_models.inference.expression_samples import corpus_folders
    from pipelines.datasets.corpora import read_corpus
    from pipelines.files import cache_folder

    finders = {name: candidates_by(name, flow, cache_folder() / "spotting") for name in method or METHODS}
    readings = {name: read_corpus(name, folder) for name, folder in corpus_folders(corpus).items()}
    for name, reading in readings.items():
        if not reading.videos:
            raise InputError(
                f"{name}: not a corpus of long videos; use one of: casme_squared, casme3, samm_long"
            )
        skipped = [issue for issue in reading.issues if issue.kind == "skipped"]
        for issue in skipped:
            say(f"skipped: {name}: {issue.clip}: {issue.reason}")
    videos = {name: reading.videos for name, reading in readings.items()}
    recognise = None if classifier is None else open_classifier(classifier)
    if recognise is not None:
        check_classes(recognise)
    evaluations, lacking = [], []
    for name, candidates in finders.items():
        with gauge(f"spotting, {name}") as show:
            evaluation, without = evaluate(name, videos, candidates, show)
        lacking += [f"{name}: {line}" for line in without]
        evaluations.append(evaluation if recognise is None else with_recognition(evaluation, recognise))
    for line in lacking:
        say(f"skipped: {line}")
    if json:
        write_json(json, [one.to_json() for one in evaluations])
    if report:
        write_spotting_report(report, evaluations, lacking)
    table = spotting_table(evaluations)
    print_table(table.columns, table.rows)
    if recognise is not None:
        table = strs_table(evaluations)
        print_table(table.columns, table.rows)
