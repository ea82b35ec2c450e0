import os

from pipelines.datasets.clip import Clip
from pipelines.records.build_config import BuildConfig
from pipelines.records.fingerprint import fingerprint


def test_what_a_clip_depends_on_changes_its_key(tmp_path):
    files = [tmp_path / f"{k}.png" for k in range(3)]
    for file in files:
        file.write_bytes(b"picture")
    clip, config, versions = (
        Clip("anna", "a", tmp_path, tuple(files), onset=0),
        BuildConfig(),
        {"recipe": "2"},
    )
    key = fingerprint(clip, config, versions)
    assert key == fingerprint(Clip("anna", "a", tmp_path, tuple(files), onset=0), config, versions)
    others = {
        fingerprint(Clip("bert", "a", tmp_path, tuple(files), onset=0), config, versions),
        fingerprint(Clip("anna", "a", tmp_path, tuple(files), onset=1), config, versions),
        fingerprint(Clip("anna", "a", tmp_path, tuple(files[:2]), onset=0), config, versions),
        fingerprint(clip, BuildConfig(pairs="every:5"), versions),
        fingerprint(clip, config, {"recipe": "3"}),
    }
    os.utime(files[1], ns=(0, 1))
    others.add(fingerprint(clip, config, versions))
    files[1].unlink()  # an absent file counts as such; building the clip says so
    others.add(fingerprint(clip, config, versions))
    assert len(others | {key}) == 8
