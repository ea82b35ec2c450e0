"""Rows of a frame's regions as one row."""

from pipelines.clip_analysis.wide_table import WIDE_COLUMNS, wide_row


def test_columns_are_those_of_openface_and_then_region_side_quantity():
    assert WIDE_COLUMNS[:5] == ("frame", "timestamp", "confidence", "success", "brows_right_u_px")
    assert "mouth_corners_left_u_mm" in WIDE_COLUMNS
    # 8 regions, 3 sides and 9 quantities; asymmetry is of both sides.
    assert len(WIDE_COLUMNS) == len(set(WIDE_COLUMNS)) == 4 + 8 * 3 * 9 + 8


def test_each_cell_goes_to_the_column_of_its_region_and_side():
    row = {"frame": 3, "time_s": "0.1200", "region": "mouth_corners", "side": "left", "u_mm": "1.2500"}
    found = wide_row(3, 0.12, "0.875", [row, row | {"side": "both", "u_mm": "", "asymmetry": "0.500"}])
    filled = {name: cell for name, cell in found.items() if cell != ""}
    assert filled == {
        "frame": 3,
        "timestamp": "0.1200",
        "confidence": "0.875",
        "success": 1,
        "mouth_corners_left_u_mm": "1.2500",
        "mouth_corners_both_asymmetry": "0.500",
    }
    assert tuple(found) == WIDE_COLUMNS


def test_a_frame_without_motion_has_a_row_of_its_own():
    found = wide_row(9, 0.36, "", [])
    assert (found.pop("frame"), found.pop("timestamp")) == (9, "0.3600")
    assert (found.pop("confidence"), found.pop("success")) == ("0.000", 0)
    assert set(found.values()) == {""}
