"""What few bits cost a model."""

import math
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from aiplan.graph import GRAPH
from aiplan.quantities import precision

VECTORS = yaml.safe_load((Path(__file__).parents[1] / "data" / "vectors-precision.yaml").read_text())["vectors"]
bits = st.floats(1, 16)


def exact(prefix):
    found = [v for v in VECTORS if v["id"].startswith(prefix)]
    assert found
    return pytest.mark.parametrize("vector", found, ids=[v["id"] for v in found])


def agrees(vector, **got):
    assert set(got) == set(vector["expected"])
    for name, value in got.items():
        assert value == pytest.approx(vector["expected"][name], rel=float(vector["rel_tol"])), name


@exact("kumar.neff_w.")
def test_bits_of_the_weights(vector):
    agrees(vector, frac=precision.share_at_bits(vector["inputs"]["P_w"], precision.KUMAR_WEIGHTS))


@exact("kumar.neff_wakv.")
def test_bits_of_all_three(vector):
    i = vector["inputs"]
    agrees(vector, frac=precision.precision_effective_share(i["P_w"], i["P_a"], i["P_kv"]))


@exact("kumar.ustar")
def test_best_bits(vector):
    u = precision.best_bits_over_scale()
    agrees(vector, u=u)
    assert 3 * u * math.exp(-u) == pytest.approx(1 - math.exp(-u))


@given(bits, bits, bits)
def test_more_bits_keep_more_and_never_all(w, a, kv):
    share = precision.precision_effective_share(w, a, kv)
    assert 0 < share < 1
    for more in ((w + 1, a, kv), (w, a + 1, kv), (w, a, kv + 1)):
        assert precision.precision_effective_share(*more) >= share


def test_in_the_graph_it_is_an_option_that_nothing_rests_on():
    share = GRAPH.resolve(["precision_effective_share"], {"weight_bits": 4.0})
    assert share["precision_effective_share"].value == pytest.approx(0.7758873956507362 * (1 - math.exp(-16 / 2.2102)))
    assert share["kv_bits"].origin == "default"
    assert not [f for q in GRAPH for f in q.formulas if "precision_effective_share" in f.inputs]


def test_arrays_give_what_floats_give():
    w = np.array([3.0, 4.0, 8.0])
    one = [precision.precision_effective_share(float(x), 8.0, 8.0) for x in w]
    assert precision.precision_effective_share(w, 8.0, 8.0).tolist() == pytest.approx(one)
