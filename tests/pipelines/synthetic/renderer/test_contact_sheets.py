import numpy as np

from pipelines.synthetic.renderer.contact_sheets import _CAPTION, UNIT_NAMES, action_units, identities
from pipelines.synthetic.renderer.geometry.action_units import NAMES
from pipelines.synthetic.renderer.rendered_pair import PAIRS_PER_PERSON, render_pair


def test_identities_are_those_of_rendered_pairs():
    sheet = identities(count=3, size=48, columns=2)
    assert sheet.shape == (96, 96, 3)
    np.testing.assert_array_equal(sheet[:48, 48:], render_pair(0, PAIRS_PER_PERSON, 48).frame1)
    assert (sheet[48:, 48:] == 255).all()


def test_every_unit_is_shown_and_moves_something():
    assert set(UNIT_NAMES) == set(NAMES)
    size = 48
    sheet = action_units(size=size, columns=1)
    rows = sheet.reshape(len(UNIT_NAMES) + 3, size + _CAPTION, 3 * size, 3)[:, _CAPTION:]
    before, after, flow = np.split(rows.astype(int), 3, axis=2)
    for number, title in enumerate([*UNIT_NAMES, "one side", "gaze", "smile"]):
        assert np.abs(before[number] - after[number]).max() > 10, title
        assert flow[number].min() < 250, title  # white is no motion
