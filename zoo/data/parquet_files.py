"""`.parquet` files, column by column."""

from ..errors import InputError
from .source import require_expansion, require_memory
from .tables import from_columns, require_different


def from_parquet(path):
    """A table of examples; a column named label, y, class or target holds the labels."""
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(
            path, thrift_string_size_limit=2**24, thrift_container_size_limit=2**20
        ) as file:
            facts = file.metadata
            size = 8 * facts.num_rows * facts.num_columns
            require_memory(size, path)
            require_expansion(path.stat().st_size, size, path)
            names = file.schema_arrow.names
            require_different(names, path)
            table = file.read()
        columns = {name: _array(table[name]) for name in names}
    except (pyarrow.ArrowException, OSError, ValueError, MemoryError) as error:
        if isinstance(error, InputError):
            raise
        text = str(error).splitlines() or ["no end"]
        raise InputError(f"{path}: damaged, or not a .parquet file ({text[0][:120]})") from None
    return from_columns(columns, path.stem, str(path))


def _array(column):
    import numpy as np

    if (
        str(column.type) in ("string", "large_string", "bool")
        or column.type.num_fields
        or "dictionary" in str(column.type)
    ):
        return np.array(column.to_pylist(), dtype=object)
    return column.to_numpy()
