import os

import pytest

from pipelines.errors import InputError
from pipelines.io.pairs import list_pairs, read_metadata
from pipelines.synthetic.renderer.generate import parallel_map, render_pairs
from pipelines.synthetic.renderer.rendered_pair import render_pair


def test_folder_of_pairs_goes_on_where_it_stopped(tmp_path):
    said = []
    render_pairs(
        tmp_path, 2, size=64, seed=4, workers=1, progress=lambda done, total: said.append((done, total))
    )
    assert said == [(1, 2), (2, 2)]
    (tmp_path / "pairs.csv").unlink()
    (tmp_path / "00001_flow.flo").unlink()  # as if it had been stopped while the second pair was written
    kept = (tmp_path / "00000_flow.flo").stat().st_mtime_ns
    render_pairs(tmp_path, 5, size=64, seed=4, workers=1)
    assert list_pairs(tmp_path) == [f"{k:05d}" for k in range(5)]
    assert (tmp_path / "00000_flow.flo").stat().st_mtime_ns == kept
    metadata = read_metadata(tmp_path)
    assert metadata["00003"] == render_pair(4, 3, 64).metadata
    assert len({metadata[k]["subject"] for k in metadata}) == 2


def test_a_smaller_count_completes_what_a_larger_one_has_begun(tmp_path):
    render_pairs(tmp_path, 6, size=64, workers=1)
    (tmp_path / "pairs.csv").unlink()  # as if it had been stopped before the end
    (tmp_path / "mine_flow.flo").touch()
    render_pairs(tmp_path, 2, size=64, workers=1)
    assert list(read_metadata(tmp_path)) == [f"{k:05d}" for k in range(6)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "count must be at least 1, but is 0"),
        ({"count": 1, "size": 8}, "size must be at least 32, but is 8"),
        ({"count": 1, "mixture": "x"}, "unknown mixture"),
        ({"count": 1, "disturbance": "x"}, "unknown disturbance"),
        ({"count": 1, "seed": -1}, "seed must be at least 0, but is -1"),
        ({"count": 1, "workers": 0}, "workers must be at least 1, but is 0"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(InputError, match=message):
        render_pairs(tmp_path, **arguments)


def test_folder_of_other_settings_is_refused(tmp_path):
    render_pairs(tmp_path, 1, size=64, workers=1)
    with pytest.raises(InputError, match="seed 0"):
        render_pairs(tmp_path, 2, size=64, seed=1, workers=1)


@pytest.mark.parametrize("note", ['{"seed": 0, "si', "[1]", ""])
def test_folder_whose_note_is_damaged_is_refused(tmp_path, note):
    (tmp_path / "render.json").write_text(note)
    with pytest.raises(InputError, match="damaged"):
        render_pairs(tmp_path, 1, size=64, workers=1)


def test_a_killed_worker_is_reported():
    with pytest.raises(InputError, match="a worker was killed"):
        list(parallel_map(os._exit, [9, 9], workers=2, chunk=1))
