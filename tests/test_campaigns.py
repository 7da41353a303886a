"""Whole runs beside their predicted steps: how the efficiency of a campaign is learned, and what a plan makes of it."""

from __future__ import annotations

import pytest

from aiplan import calibrated_values, campaigns
from aiplan.calibration import BEFORE, SINCE
from aiplan.campaigns import Campaign
from aiplan.catalog import Catalog
from aiplan.measurements import shipped

RUNS = campaigns.campaigns(shipped("training-runs"), Catalog())


def test_published_runs_of_the_first_two_grades_are_learned_from() -> None:
    assert len(RUNS) >= 30
    assert {run.era for run in RUNS} == {BEFORE, SINCE}
    assert sum(run.own_layout is not None for run in RUNS) >= 10
    known = {run.id: run for run in RUNS}
    assert known["run-024"].org == "Meta"
    assert 0.7 < known["run-024"].efficiency < 1.3


def test_the_shipped_constants_are_what_the_runs_say() -> None:
    low, high = (1 / bound for bound in calibrated_values.RESIDUALS["dense"][::-1])
    fitted = campaigns.fit(RUNS, (low, high))
    for name, (value, p10, p90) in calibrated_values.CAMPAIGNS.items():
        assert fitted[name]["value"] == pytest.approx(value, rel=0.01)
        assert p10 <= value <= p90
    assert fitted[BEFORE]["held_out_median"] < 0.15
    assert fitted[SINCE]["held_out_median"] < 0.25


def test_each_team_counts_once() -> None:
    many = [Campaign(f"a{i}", "a", SINCE, 0.5) for i in range(20)]
    assert campaigns.typical([*many, Campaign("b", "b", SINCE, 0.7), Campaign("c", "c", SINCE, 0.9)]) == pytest.approx(
        0.7
    )


def test_the_gain_of_a_known_layout_is_a_ratio() -> None:
    assert campaigns.gain([Campaign("a", "a", SINCE, 0.5, 0.75), Campaign("b", "b", SINCE, 0.5)]) == 1.5
    assert campaigns.gain([]) == 1.0


def test_own_runs_pull_the_constant_and_keep_its_spread() -> None:
    shipped_ones = {SINCE: (0.8, 0.6, 1.0)}
    found = campaigns.refine([Campaign("x", "us", SINCE, 0.4)], shipped_ones)[SINCE]
    assert 0.6 < found["value"] < 0.8
    assert found["p90"] / found["value"] == pytest.approx(1.0 / 0.8)
