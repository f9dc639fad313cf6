"""Dictionary columns as the engine takes them: one dictionary, each of its values once, none that no row has."""

import numpy as np
import pyarrow as pa


def tidy(table: pa.Table) -> pa.Table:
    """The same values in one batch, with tidy dictionaries of text. Null stays null."""
    whole = table.unify_dictionaries().combine_chunks()
    for number, column in enumerate(whole.columns):
        if pa.types.is_dictionary(column.type) and column.num_chunks:
            whole = whole.set_column(number, whole.field(number), _tidy(column.chunk(0)))
    return whole


def _tidy(column: pa.DictionaryArray) -> pa.DictionaryArray:
    if column.null_count:
        return column.cast(column.type.value_type).dictionary_encode()
    rows = column.indices.to_numpy()
    used = np.zeros(len(column.dictionary), np.bool_)
    used[rows] = True
    kept = np.flatnonzero(used)
    # A stage may have put a value into the dictionary for each envelope that has it.
    unique = column.dictionary.take(pa.array(kept)).dictionary_encode()
    if len(kept) == len(used) == len(unique.dictionary):
        return column
    renumbered = np.zeros(len(used), np.int32)
    renumbered[kept] = unique.indices.to_numpy()
    return pa.DictionaryArray.from_arrays(pa.array(renumbered[rows]), unique.dictionary)
