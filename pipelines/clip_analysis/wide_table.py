"""Motion of the parts of a face in one row a frame, as OpenFace and py-feat write their tables."""

from collections.abc import Iterable, Mapping

from pipelines.clip_analysis.region_table import COLUMNS, SIDES, TABLE_REGIONS

_KEYS = ("frame", "time_s", "region", "side")
_QUANTITIES = tuple(name for name in COLUMNS if name not in _KEYS)
#: Columns of `motion_wide.csv`: OpenFace's first ones, then REGION_SIDE_QUANTITY.
WIDE_COLUMNS = (
    "frame", "timestamp", "confidence", "success",
    *(
        f"{region}_{side}_{quantity}"
        for region in TABLE_REGIONS
        for side in (*SIDES, "both")
        for quantity in _QUANTITIES
        if quantity != "asymmetry" or side == "both"
    ),
)  # fmt: skip


def wide_row(
    number: int, seconds: float, valid: str, rows: Iterable[Mapping[str, object]]
) -> dict[str, object]:
    """Return the row of a frame by `WIDE_COLUMNS`.

    Args:
        number: Number of the frame, from 0.
        seconds: Time stamp of the frame.
        valid: Share of the face's pixels that can be relied on; "" if the frame is lost or has no face.
        rows: Rows of the frame in `motion.csv`; none if it is lost or has no face.

    Returns:
        Cells by column; those of the regions are empty where `motion.csv` has no row or an empty cell.

    Examples:
        >>> row = wide_row(
        ...     7, 0.28, "0.931", [{"region": "nose", "side": "both", "u_px": "0.5000", "asymmetry": ""}]
        ... )
        >>> row["timestamp"], row["confidence"], row["success"], row["nose_both_u_px"], row["nose_left_u_px"]
        ('0.2800', '0.931', 1, '0.5000', '')
    """
    wide = dict.fromkeys(WIDE_COLUMNS, "")
    for row in rows:
        for quantity in _QUANTITIES:
            name = f"{row['region']}_{row['side']}_{quantity}"
            if name in wide:
                wide[name] = row.get(quantity, "")
    known = {"confidence": valid, "success": 1} if valid else {"confidence": "0.000", "success": 0}
    return wide | {"frame": number, "timestamp": f"{seconds:.4f}"} | known
