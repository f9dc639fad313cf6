"""Frames are those of RFC 6455."""

import pytest
from websockets.frames import Frame, Opcode

from gateway.wire import text_frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 200_000])
def test_a_frame_is_what_another_library_makes_of_the_same_text(size: int) -> None:
    text = b"x" * size
    assert text_frame(text) == Frame(Opcode.TEXT, text).serialize(mask=False)
