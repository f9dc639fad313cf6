import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sinks.tags import tidy

WORDS = st.lists(st.sampled_from(["盐", "米", "", "oil", "pork"]), min_size=1, max_size=5)


@st.composite
def chunks(draw: st.DrawFn) -> pa.ChunkedArray:
    """Dictionary arrays whose dictionaries repeat values and have ones that no row uses."""
    found = []
    for _ in range(draw(st.integers(1, 4))):
        words = draw(WORDS)
        rows = draw(st.lists(st.none() | st.integers(0, len(words) - 1), max_size=6))
        found.append(pa.DictionaryArray.from_arrays(pa.array(rows, pa.int32()), pa.array(words, pa.string())))
    return pa.chunked_array(found)


@given(chunks())
def test_a_tidy_column_has_the_same_values_and_each_word_once(column: pa.ChunkedArray) -> None:
    table = tidy(pa.table({"n": range(len(column)), "word": column}))
    assert table["word"].to_pylist() == column.to_pylist()
    assert table["word"].num_chunks <= 1
    if len(column):
        words = table["word"].chunk(0).dictionary.to_pylist()
        assert sorted(words) == sorted({word for word in column.to_pylist() if word is not None})
