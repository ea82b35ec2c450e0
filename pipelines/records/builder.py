"""From the clips of a corpus to a folder of records, one shard a clip; what is there already is kept."""

import errno
import fcntl
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from pipelines.datasets.clip import Clip
from pipelines.datasets.corpora import read_corpus
from pipelines.datasets.frame_pairs import frame_pairs
from pipelines.errors import InputError
from pipelines.io.landmark_tables import parse_source
from pipelines.io.tfrecord_writer import SUFFIX
from pipelines.records.build_config import BuildConfig
from pipelines.records.clip_landmarks import attach_landmarks
from pipelines.records.clip_records import build_clip
from pipelines.records.fingerprint import fingerprint
from pipelines.records.manifest import MANIFEST, ClipReport, Manifest, read_manifest, write_manifest
from pipelines.records.statistics import STATISTICS, write_statistics
from pipelines.records.workers import run_tasks

_log = logging.getLogger("faceflow")
_SECONDS_BETWEEN_MANIFESTS = 1.0
_VERSIONS_THAT_COUNT = ("mediapipe", "opencv-contrib-python", "av", "numpy", "scipy")
# Raised with every change by which the same clip gives other records: a folder does not mix them.
_RECIPE = 5


def build(
    source: Path | str,
    out: Path | str,
    config: BuildConfig | None = None,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    strict: bool = False,
    on_clip: Callable[[int, int], None] = lambda done, clips: None,
) -> Manifest:
    """Build the records of a corpus; started again, do what is missing.

    The shards are the same bytes whoever writes them: this process, many, or those of other machines. A clip
    that cannot be used is a row with a `failure` in the manifest, is tried again the next time, and stops
    nothing else.

    Args:
        source: the corpus' folder.
        out: folder for the shards, `manifest.json` and `statistics.html`: a new one, or one that the same
            build began. Other machines must see both folders under the same names.
        config: what to make of the clips.
        workers: processes of this machine; 1 is this one.
        scheduler: `tcp://HOST:PORT` of a `dask scheduler`, whose workers are used instead.
        strict: stop at the first clip that cannot be used.
        on_clip: called after each clip with how many are done, an earlier start's included, and how many
            there are.

    Raises:
        InputError: if the corpus has no clips, or not one pair came of them; if `out` holds something else,
            or is being written by another build; with `strict`, if a clip cannot be used; as `run_tasks`.
        OSError: if a shard cannot be written. In all cases what is finished stays for the next start.
    """
    config = config or BuildConfig()
    _check(config, workers)
    source, out = Path(source).resolve(), Path(out).absolute()
    reading = read_corpus(config.corpus, source)
    if config.landmarks not in ("face_mesh", "corpus"):
        reading = attach_landmarks(reading, config.landmarks)
    versions = {"recipe": str(_RECIPE), **{name: version(name) for name in _VERSIONS_THAT_COUNT}}
    manifest = Manifest(str(source), config, versions, False, [], reading.issues, reading.counts)
    with _folder_of(manifest, out) as earlier:
        clips = {fingerprint(clip, config, versions): clip for clip in reading.clips}
        reports = {report.key: report for report in earlier if report.key in clips and _is_there(out, report)}
        tasks = [(clip, out, config, key) for key, clip in clips.items() if key not in reports]
        written = 0.0
        try:
            # Closed at once, whatever happens: processes must not go on.
            with closing(run_tasks(build_clip, tasks, workers, scheduler)) as outcomes:
                for (clip, _, _, key), outcome in outcomes:
                    reports[key] = report = _reported(clip, key, outcome)
                    if strict and report.failure:
                        raise InputError(f"{report.failure} (skipped without --strict)")
                    on_clip(len(reports), len(clips))
                    if time.monotonic() - written > _SECONDS_BETWEEN_MANIFESTS:
                        write_manifest(out, replace(manifest, clips=list(reports.values())))
                        written = time.monotonic()
        finally:
            # In the corpus' order, whoever was first.
            manifest.clips.extend(reports[key] for key in clips if key in reports)
            write_manifest(out, manifest)
        return _finished(manifest, out)


def _check(config: BuildConfig, workers: int) -> None:
    if config.landmarks not in ("face_mesh", "corpus"):
        parse_source(config.landmarks)
    frame_pairs(config.pairs, Clip("any", "any", Path(), onset=0, apex=1), 2)
    if config.label is not None:
        # Imported here: compiled code that only stored labels need.
        from pipelines.labels import check_method

        check_method(config.label)
    if workers < 1:
        raise InputError(f"workers {workers}: at least one must do the work")


def _reported(clip: Clip, key: str, outcome: ClipReport | Exception) -> ClipReport:
    if isinstance(outcome, ClipReport):
        return outcome
    if isinstance(outcome, OSError) and outcome.errno != errno.ENAMETOOLONG:
        raise outcome
    # One clip that does what nobody expected is no reason to lose a night's work.
    message = " ".join(str(outcome).split())
    kind = "" if isinstance(outcome, InputError) else f"{type(outcome).__name__}: "
    return ClipReport(clip.subject, clip.name, key, failure=f"{clip.path}: {kind}{message}")


def _is_there(out: Path, report: ClipReport) -> bool:
    shard = report.shard and out / report.shard
    return bool(shard) and shard.is_file() and shard.stat().st_size == report.size


def _finished(manifest: Manifest, out: Path) -> Manifest:
    if not manifest.pairs:
        reasons = sorted({report.failure for report in manifest.failures})
        raise InputError(
            f"{manifest.source}: not one pair came of {len(manifest.clips)} clips: {'; '.join(reasons)}"
        )
    gone = set(out.glob(f"*{SUFFIX}")) - {out / (clip.shard or "") for clip in manifest.clips}
    for shard in gone:
        shard.unlink()
    failed = {clip.clip for clip in manifest.failures}
    reasons = {
        f"are no longer in {manifest.source}": {shard for shard in gone if shard.stem not in failed},
        "could not be built again (see above)": {shard for shard in gone if shard.stem in failed},
    }
    for reason, shards in reasons.items():
        if shards:
            names = ", ".join(sorted(shard.stem for shard in shards)[:5]) + ", ..." * (len(shards) > 5)
            _log.warning("%s: removed the records of %d clips that %s: %s", out, len(shards), reason, names)
    write_statistics(out, manifest)
    manifest = replace(manifest, complete=True)
    write_manifest(out, manifest)
    return manifest


@contextmanager
def _folder_of(manifest: Manifest, out: Path) -> Iterator[list[ClipReport]]:
    """Claim the folder for this build; yields the reports of its earlier starts."""
    is_new = not out.exists()
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: is a file; records go into a folder")
    out.mkdir(parents=True, exist_ok=True)
    folder, is_ours = os.open(out, os.O_RDONLY), False
    try:
        try:
            # The system lets go of it however this process ends.
            fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{out}: another build is writing into it") from error
        earlier = _earlier_reports(manifest, out)
        is_ours = True
        _sweep(out)
        yield earlier
    finally:
        if is_ours:  # another build's, or another program's, is left alone
            _sweep(out)
            if not any(out.glob(f"*{SUFFIX}")):
                (out / MANIFEST).unlink(missing_ok=True)
                if is_new:
                    out.rmdir()
        os.close(folder)


def _earlier_reports(manifest: Manifest, out: Path) -> list[ClipReport]:
    if not set(out.iterdir()) - set(_scratch(out)):
        return []
    if not (out / MANIFEST).exists():
        raise InputError(f"{out}: is a folder with something in it; choose another name")
    earlier = read_manifest(out)
    now, then = (
        {"source": each.source, **asdict(each.settings), **each.versions} for each in (manifest, earlier)
    )
    if differences := [f"{name} {then.get(name)}" for name in now if now[name] != then.get(name)]:
        raise InputError(f"{out}: holds records with {', '.join(differences)}; choose another folder")
    return earlier.clips


def _scratch(out: Path) -> list[Path]:
    """Return what a killed process was writing."""
    return [path for name in (f"*{SUFFIX}", MANIFEST, STATISTICS) for path in out.glob(f".{name}.*")]


def _sweep(out: Path) -> None:
    for scratch in _scratch(out):
        shutil.rmtree(scratch, ignore_errors=True)
