"""Reviewers are named by a file of digests; nobody else is let in."""

from pathlib import Path

import pytest

from gateway.review_access import Rate, Reviewers, ReviewersError, add_reviewer, digest


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "reviewers"


def test_a_token_names_its_reviewer_and_no_other_text_does(file: Path) -> None:
    li, wang = add_reviewer(file, "li")[0], add_reviewer(file, "王")[0]
    reviewers = Reviewers(file)
    assert (reviewers.who(li), reviewers.who(wang)) == ("li", "王")
    assert [reviewers.who(t) for t in ("", "li", li[:-1], li + " ", digest(li), "\ud800")] == [None] * 6


def test_the_file_holds_digests_alone_and_is_its_owners(file: Path) -> None:
    token, replaced = add_reviewer(file, "li")
    assert not replaced
    assert file.stat().st_mode & 0o777 == 0o600
    assert token not in file.read_text()
    assert f"li {digest(token)}\n" in file.read_text()
    assert [path.name for path in file.parent.iterdir()] == ["reviewers"]


def test_a_new_token_ends_the_earlier_one_at_once_and_leaves_the_others(file: Path) -> None:
    first, other = add_reviewer(file, "li")[0], add_reviewer(file, "li.lei")[0]
    reviewers = Reviewers(file)
    assert reviewers.who(first) == "li"
    second, replaced = add_reviewer(file, "li")
    assert replaced
    assert (reviewers.who(first), reviewers.who(second), reviewers.who(other)) == (None, "li", "li.lei")


@pytest.mark.parametrize("name", ["", "li lei", "#li", "x" * 65, "a\x1bb", "a\nb"])
def test_a_name_that_would_spoil_the_file_is_refused(file: Path, name: str) -> None:
    with pytest.raises(ReviewersError, match="expected a name"):
        add_reviewer(file, name)
    assert not file.exists()


def test_without_a_file_the_reader_is_told_what_to_do(file: Path) -> None:
    with pytest.raises(ReviewersError, match=r"set gateway\.reviewers .* `infopump review token NAME`"):
        Reviewers(None).who("t")
    with pytest.raises(ReviewersError, match="cannot be read"):
        Reviewers(file).who("t")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_can_open_lets_nobody_in(file: Path, mode: int) -> None:
    token, _ = add_reviewer(file, "li")
    reviewers = Reviewers(file)
    assert reviewers.who(token) == "li"
    file.chmod(mode)
    with pytest.raises(ReviewersError, match=rf"got {mode:o}: chmod 600 it"):
        reviewers.who(token)


@pytest.mark.parametrize("line", ["li", "li secret-token", "li " + "A" * 64, "li " + "a" * 64 + " more"])
def test_a_line_that_is_none_is_named_and_not_repeated(file: Path, line: str) -> None:
    add_reviewer(file, "wang")
    file.write_text(f"{file.read_text()}\n# a comment\n{line}\n")
    with pytest.raises(ReviewersError, match="line 5: expected a name") as caught:
        Reviewers(file).who("t")
    assert "secret" not in str(caught.value)
    with pytest.raises(ReviewersError, match="line 5"):
        add_reviewer(file, "li")


def test_a_minute_has_so_many_calls_of_each_reviewer() -> None:
    now = 100.0
    rate = Rate(2, lambda: now)
    assert [rate.wait("li") for _ in range(3)] == [0, 0, 60]
    assert rate.wait("wang") == 0
    now = 130.0
    assert rate.wait("li") == 30
    now = 160.0
    assert rate.wait("li") == 0
