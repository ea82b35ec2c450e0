"""`faceflow features`."""

from typing import Annotated

from tyro.conf import arg

from faceflow.arguments import Folder, Out
from faceflow.console import gauge, say
from faceflow.operation_threads import one_thread_per_operation


def write_features(
    source: Folder,
    out: Out,
    corpus: Annotated[str | None, arg(metavar="NAME")] = None,
    method: Annotated[str, arg(metavar="NAME")] = "default",
    keep_head: bool = False,
) -> None:
    """Write u, v and optical strain, 28 x 28, of pairs or of a corpus, for use in other programs.

    OUT/features.npz has the arrays features (float32 [N, 28, 28, 3]), labels, corpora, subjects and clips.
    OUT/pictures/ and OUT/table.csv have the same features in the layout that STSTNet and HTNet read.
    OUT/README.txt describes channels, crop and normalisation.

    Args:
        source: Folder of pairs (NNNNN_img1.png, NNNNN_img2.png), or of a corpus.
        out: Folder to write.
        corpus: Layout of the source: casme2, samm or smic. Without it, the source is a folder of pairs.
        method: Method that estimates the flow, as for evaluate flow.
        keep_head: Keep the head motion in the flow.
    """
    from pipelines.files import check_exists, check_outputs, replacing

    check_exists(source)
    check_outputs(out, inputs=(source,))
    one_thread_per_operation()

    from keras_models.inference.expression_samples import estimator, open_samples
    from pipelines.micro_expressions.pair_samples import pair_samples
    from pipelines.micro_expressions.published_features import write_features as write

    with gauge("features") as show:
        if corpus:
            samples, _ = open_samples((f"{corpus}={source}",), method, not keep_head, show)
        else:
            samples = pair_samples(source, estimator(method), not keep_head, show)
    with replacing(out) as part:
        write(part, samples, method, not keep_head)
    for issue in samples.issues:
        say(f"{issue.kind}: {issue.clip}: {issue.reason}")
    say(f"{out}: features of {len(samples.labels)} clips")
