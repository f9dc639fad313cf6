"""The one catalogue of reason codes: why an envelope or a line stands in ``pos.rejected``."""

from enum import StrEnum

import msgspec


class Reason(StrEnum):
    """Why an envelope (as a whole) or one of its lines was refused. The value is what stands on the wire."""

    UNREADABLE = "unreadable"
    UNKNOWN_CONTENT_TYPE = "unknown_content_type"
    UNKNOWN_VERSION = "unknown_version"
    TOO_LARGE = "too_large"
    TOO_MANY_LINES = "too_many_lines"
    COMPRESSED = "compressed"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    NEGATIVE = "negative"
    OUT_OF_RANGE = "out_of_range"
    TOO_LONG = "too_long"
    FUTURE_TIME = "future_time"
    DUPLICATE_LINE = "duplicate_line"
    KEY_MISMATCH = "key_mismatch"
    WRONG_PARTITION = "wrong_partition"
    UNKNOWN_TERMINAL = "unknown_terminal"
    INTERNAL = "internal"


EXPLANATIONS: dict[Reason, tuple[str, str]] = {
    Reason.UNREADABLE: ("the bytes are not what the content type says", "内容与所声明的格式不符，无法解析"),
    Reason.UNKNOWN_CONTENT_TYPE: ("the content-type header names no known format", "content-type 不是已知格式"),
    Reason.UNKNOWN_VERSION: ("the version of the envelope is not known here", "信封版本未知"),
    Reason.TOO_LARGE: ("the envelope has more than 1 MiB", "信封超过 1 MiB"),
    Reason.TOO_MANY_LINES: ("the envelope has more than 2,000 lines", "信封超过 2000 行"),
    Reason.COMPRESSED: ("Arrow buffers must be plain: Kafka compresses", "Arrow 缓冲区不得压缩（由 Kafka 压缩）"),
    Reason.MISSING_FIELD: ("a field that must be there is not", "缺少必填字段"),
    Reason.WRONG_TYPE: ("a field has another type than the schema says", "字段类型错误"),
    Reason.NEGATIVE: ("a field is negative that cannot be", "字段不可为负"),
    Reason.OUT_OF_RANGE: ("a field is outside its range", "字段超出范围"),
    Reason.TOO_LONG: ("a text is longer than 256 characters", "文本超过 256 个字符"),
    Reason.FUTURE_TIME: ("a time lies more than 24 h ahead", "时间超前 24 小时以上"),
    Reason.DUPLICATE_LINE: ("a line number stands twice in the envelope", "同一信封内行号重复"),
    Reason.KEY_MISMATCH: ("the Kafka key is not the terminal of the envelope", "Kafka 键与信封的终端不一致"),
    Reason.WRONG_PARTITION: (
        "not where murmur2 of the key puts it: set the partitioner",
        "分区错误：请使用 murmur2 分区器",
    ),
    Reason.UNKNOWN_TERMINAL: ("no such terminal in the registry", "登记表中没有此终端"),
    Reason.INTERNAL: ("a fault of this system, not of the sender", "系统内部错误，非发送方原因"),
}


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing wrong: the field, what was expected, what came; ``line`` is None where the whole envelope is meant."""

    reason: Reason
    field: str
    expected: str
    got: str
    line: int | None = None
