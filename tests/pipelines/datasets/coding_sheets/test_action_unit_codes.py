import pytest

from pipelines.datasets.clip import ActionUnit as AU
from pipelines.datasets.coding_sheets.action_unit_codes import parse_units


@pytest.mark.parametrize(
    ("text", "units"),
    [
        ("12", (AU(12),)),
        ("4+L10", (AU(4), AU(10, "L"))),
        ("R1+R2", (AU(1, "R"), AU(2, "R"))),
        ("7B", (AU(7, None, "B"),)),
        ("R12B+14A", (AU(12, "R", "B"), AU(14, None, "A"))),
        ("(R6 or R12)+R15", (AU(6, "R", None, (AU(12, "R"),)), AU(15, "R"))),
        ("4 or 7", (AU(4, alternatives=(AU(7),)),)),
        (" AU 4 , l10 ", (AU(4), AU(10, "L"))),
        ("AU4(k)+AU7", (AU(4, uncertain=True), AU(7))),
        ("(L4(k) or 7B)+12", (AU(4, "L", None, (AU(7, None, "B"),), uncertain=True), AU(12))),
        ("", ()),
    ],
)
def test_cells_of_coding_sheets(text, units):
    assert parse_units(text) == (units, [])


@pytest.mark.parametrize(
    ("text", "units", "unread"),
    [
        ("?", (), ["?"]),
        ("4+neck+7", (AU(4), AU(7)), ["neck"]),
        ("1 2+4", (AU(4),), ["1 2"]),  # not AU 12
    ],
)
def test_what_is_no_unit_is_named(text, units, unread):
    assert parse_units(text) == (units, unread)
