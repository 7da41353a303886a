"""The resolver: origins, directions, rivals, nulls, and errors that say what is missing."""

import numpy as np
import pytest

from aiplan.graph import Given, Graph, GraphError, NoValue


@pytest.fixture
def graph() -> Graph:
    g = Graph()
    g.given("speed", "m/s", "How fast.")
    g.given("distance", "m", "How far.")
    g.default("rest", "s", 10.0, "Pause.", source="a rule of thumb", spread=(5.0, 20.0))

    @g.quantity("s")
    def time(distance: float, speed: float) -> float:
        """Time under way.

            t = d / v

        From any textbook.
        """
        return distance / speed

    @g.quantity("s")
    def total(time: float, rest: float) -> float:
        """Time with the pause."""
        return time + rest

    return g


def test_every_intermediate_value_has_its_origin(graph: Graph) -> None:
    nodes = graph.resolve(["total"], {"speed": 2.0, "distance": Given(8.0, "catalog", "a map")})
    assert {n: (v.value, v.origin) for n, v in nodes.items()} == {
        "distance": (8.0, "catalog"),
        "speed": (2.0, "given"),
        "rest": (10.0, "default"),
        "time": (4.0, "formula"),
        "total": (14.0, "formula"),
    }
    assert nodes["distance"].source == "a map"
    assert nodes["rest"].source == "a rule of thumb"
    assert nodes["time"].formula is not None
    assert nodes["time"].formula.equation == "t = d / v"


def test_a_pin_makes_what_is_upstream_unneeded(graph: Graph) -> None:
    assert set(graph.resolve(["total"], {"time": 3.0})) == {"time", "rest", "total"}


def test_a_missing_input_names_who_needs_it(graph: Graph) -> None:
    with pytest.raises(GraphError, match="total cannot be derived: speed is not given, which total -> time -> speed"):
        graph.resolve(["total"], {"distance": 1.0})


def test_an_unknown_name_has_the_nearest(graph: Graph) -> None:
    with pytest.raises(GraphError, match="no quantity 'totl'; nearest: total"):
        graph.resolve(["totl"], {})


def test_what_is_given_chooses_the_direction(graph: Graph) -> None:
    @graph.quantity(of="distance_known")
    def distance_known_from_time(time: float, speed: float) -> float:
        """The other way."""
        return time * speed

    @graph.quantity("m")
    def distance_known(distance: float) -> float:
        """How far, if anyone knows."""
        return distance

    assert graph.resolve(["distance_known"], {"time": 3.0, "speed": 2.0})["distance_known"].value == 6.0
    assert graph.resolve(["distance_known"], {"distance": 5.0})["distance_known"].value == 5.0


def test_rivals_are_chosen_by_name_never_silently(graph: Graph) -> None:
    @graph.quantity("USD", of="fare", rival="taxi")
    def fare_taxi(distance: float) -> float:
        """By the metre."""
        return 2 * distance

    @graph.quantity("USD", of="fare", rival="bus")
    def fare_bus(rest: float) -> float:
        """Flat."""
        return 0 * rest + 3

    given = {"distance": 5.0}
    assert graph.resolve(["fare"], given, {"taxi"})["fare"].value == 10
    assert graph.resolve(["fare"], given, {"bus"})["fare"].value == 3
    with pytest.raises(GraphError, match="fare needs a choice, one of bus, taxi"):
        graph.resolve(["fare"], given)


def test_a_cycle_is_shown() -> None:
    g = Graph()

    @g.quantity("")
    def egg(hen: float) -> float:
        """From a hen."""
        return hen

    @g.quantity("")
    def hen(egg: float) -> float:
        """From an egg."""
        return egg

    with pytest.raises(GraphError, match=r"egg -> hen -> egg"):
        g.resolve(["egg"], {})
    assert g.resolve(["egg"], {"hen": 1.0})["egg"].value == 1.0


def test_a_default_and_a_formula_exclude_each_other(graph: Graph) -> None:
    with pytest.raises(GraphError, match="rest has a default"):

        @graph.quantity("s")
        def rest(time: float) -> float:
            """A formula for what has a default."""
            return time

    with pytest.raises(GraphError, match="time has formulas"):
        graph.default("time", "s", 1.0, "A default for what has a formula.", source="none")
    with pytest.raises(GraphError, match="speed is in m/s, not in km"):
        graph.given("speed", "km", "Another unit.")


def test_unknown_is_null_with_its_reason_all_the_way(graph: Graph) -> None:
    nodes = graph.resolve(
        ["total"], {"distance": 1.0, "speed": Given(None, "catalog", "", "nobody measured the speed")}
    )
    assert nodes["total"].value is None
    assert nodes["total"].why_null == "nobody measured the speed"


def test_a_formula_without_an_answer_says_why(graph: Graph) -> None:
    @graph.quantity("")
    def luck(rest: float) -> float:
        """Cannot be had."""
        raise NoValue("luck cannot be computed")

    @graph.quantity("", nullable=("luck",))
    def plan(time: float, luck: float | None) -> float:
        """Works without luck."""
        return time if luck is None else time * luck

    nodes = graph.resolve(["plan", "luck"], {"distance": 4.0, "speed": 2.0})
    assert (nodes["luck"].value, nodes["luck"].why_null) == (None, "luck cannot be computed")
    assert nodes["plan"].value == 2.0
    divided = graph.resolve(["time"], {"distance": 4.0, "speed": 0.0})["time"]
    assert divided.value is None
    assert "speed=0.0" in (divided.why_null or "")


def test_optional_asks_are_left_out_with_a_reason(graph: Graph) -> None:
    order = graph.order((), {"rest"}, optional=["total", "rest"])
    assert list(order.unresolved) == ["total"]
    assert "distance is not given" in order.unresolved["total"]


def test_floats_and_arrays_alike(graph: Graph) -> None:
    speeds = np.array([1.0, 2.0, 4.0])
    whole = graph.resolve(["total"], {"distance": 8.0, "speed": speeds})["total"].value
    each = [graph.resolve(["total"], {"distance": 8.0, "speed": float(v)})["total"].value for v in speeds]
    assert whole.tolist() == each


def test_a_search_gives_several_and_respects_pins() -> None:
    g = Graph()
    g.given("budget", "", "Coins.")

    @g.quantity("", gives=("apples", "pears"), search=True)
    def basket(budget: float, *, pinned: dict[str, float]) -> tuple[float, float]:
        """Spend it all."""
        apples = pinned.get("apples", 1.0)
        return apples, budget - apples

    assert {n: v.value for n, v in g.resolve(["pears"], {"budget": 9.0}).items()} == {
        "budget": 9.0,
        "apples": 1.0,
        "pears": 8.0,
    }
    nodes = g.resolve(["pears"], {"budget": 9.0, "apples": 4.0})
    assert nodes["pears"].value == 9.0 - 4.0
    assert nodes["pears"].origin == "search"
