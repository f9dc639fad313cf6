import pytest

from deploy.words import KINDS, alert_line, rarity
from streams import records
from streams.evidence import Evidence
from tests.deploy.alerts import event


def test_an_alert_is_one_line_that_says_it_all() -> None:
    assert alert_line(event().data) == (
        "2011-03-16 10:45  level III  panic buying 抢购: salt 食盐, Hangzhou, Zhejiang 浙江省杭州市; "
        "4.1 times the usual in 2 counties, 17 shops, since 2011-03-16 10:00; by chance once in 120 days (open)"
    )


def test_the_number_of_chains_is_said_where_it_is_known() -> None:
    assert ", 17 shops of 6 chains, since" in alert_line(event(evidence=Evidence(chains=6)).data)
    assert ", 17 shops of 1 chain, since" in alert_line(event(evidence=Evidence(chains=1)).data)


def test_a_later_revision_and_its_state_are_named() -> None:
    line = alert_line(event(revision=3, state="acknowledged", level="II", counties=[]).data)
    assert "level II " in line
    assert line.endswith("(acknowledged, revision 3)")


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (0.2, "by chance more than once a day"),
        (30.0, "by chance once in 30 days"),
        (12_345.0, "by chance once in 12,345 days"),
        (float("inf"), "by chance less than once in a century"),
    ],
)
def test_rarity_in_words(days: float, said: str) -> None:
    assert rarity(days) == said


def test_a_merged_alert_names_the_one_that_it_is_a_part_of_and_no_ratio_is_said_where_there_is_none() -> None:
    line = alert_line(event(revision=2, state="closed", merged_into="salt-00", ratio=0.0).data)
    assert line.endswith("(merged into salt-00, revision 2)")
    assert "; 2 counties, 17 shops, since" in line


def test_every_kind_of_alert_has_words() -> None:
    assert set(KINDS) == set(records.KINDS)
