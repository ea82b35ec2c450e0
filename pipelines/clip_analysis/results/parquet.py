"""Tables as Parquet files, for those who read many of them."""

from pathlib import Path

from pipelines.files import replacing


def write_parquet(table: Path, texts: tuple[str, ...]) -> Path:
    """Write a CSV file as Parquet beside it, block by block.

    Args:
        table: ends in .csv; an empty cell is null.
        texts: names of the columns of text. `frame` and `reference` are int32, all others float64.

    Returns:
        The file, which ends in .parquet.
    """
    # Imported here: it takes a while, and few ask for it.
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyarrow import csv

    with table.open() as file:
        columns = file.readline().strip().split(",")
    types = {
        name: pa.string() if name in texts else pa.int32() if name in ("frame", "reference") else pa.float64()
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
