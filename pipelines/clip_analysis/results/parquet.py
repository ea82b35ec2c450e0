"""Tables as Parquet files, which pandas and polars read faster than CSV."""

from pathlib import Path

from pipelines.files import replacing

_INTEGERS = ("frame", "reference", "success")


def write_parquet(table: Path, texts: tuple[str, ...]) -> Path:
    """Write a CSV file as Parquet beside it, block by block.

    Args:
        table: path of the CSV file; empty cells become null.
        texts: names of the text columns. `frame`, `reference` and `success` become int32, all
            others float64.

    Returns:
        Path of the Parquet file: the same name with the suffix .parquet.
    """
    # Imported here, because the import is slow and rarely needed.
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    with table.open() as file:
        columns = file.readline().strip().split(",")
    types = {
        name: pa.string() if name in texts else pa.int32() if name in _INTEGERS else pa.float64()
        for name in columns
    }
    options = csv.ConvertOptions(column_types=types, null_values=[""], strings_can_be_null=True)
    with (
        csv.open_csv(table, convert_options=options) as blocks,
        replacing(table.with_suffix(".parquet")) as part,
        pq.ParquetWriter(part, pa.schema(types.items())) as writer,
    ):
        for block in blocks:
            writer.write_batch(block)
    return table.with_suffix(".parquet")
