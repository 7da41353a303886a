"""Eight levers on what a training plan costs: money, energy, days, per dollar and per watt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from aiplan import units
from aiplan.errors import UserError
from aiplan.plan import Plan, train
from aiplan.specs.question import Question
from aiplan.whatif.asked import Training, first_names
from aiplan.whatif.draws import central
from aiplan.whatif.levers import Assumed, NotHere, Together

SHOWN = ("run_cost", "energy", "training_days")
RATIOS = {"run_cost": "per dollar", "energy": "per watt"}
LOWER = {"fp32": "bf16", "tf32": "bf16", "bf16": "fp8", "fp16": "fp8", "fp8": "fp4"}
ASSUMED = {
    "data": Assumed(
        0.5,
        "",
        "share of the tokens that curated data needs for the same quality",
        "our judgement; published filters and rewrites save between a third and nine tenths of the tokens, from memory",
    ),
    "loss": Assumed(0.01, "", "higher loss that is accepted, as a share of it", "our judgement"),
    "experts": Assumed(
        0.1,
        "",
        "share of the parameters that a token passes through, at the same effective size",
        "our judgement; published models have 3% to 30%",
    ),
    "retraining": Assumed(0.5, "", "share of the runs that is still made", "our judgement: half as often"),
    "tuning": Assumed(
        1e9, "token", "tokens to fine-tune a published model of this size on", "our judgement; 1e8 to 1e10 are usual"
    ),
}
TITLES = {
    "hardware": "hardware choice",
    "software": "software efficiency",
    "data": "data curation",
    "loss": "accuracy for time",
    "experts": "architecture with experts",
    "quantization": "quantization",
    "retraining": "training less often",
    "tuning": "off-the-shelf, fine-tuned",
}
TOGETHER = (
    Together("seven together", ("tuning",)),
    Together("all eight together", ("data", "loss"), "; tokens and loss are then those of the fine-tuning"),
)


@dataclass(frozen=True, slots=True)
class State:
    """A question on its way: the plan that answers it, and the share of the runs that is still made."""

    question: Question
    plan: Plan
    runs: float = 1.0

    def value(self, name: str) -> float | None:
        """A value of the plan; money and energy by the share of the runs that is made."""
        found = self.plan.value(name)
        return None if found is None else float(found) * (self.runs if name in ("run_cost", "energy") else 1.0)


@dataclass(slots=True)
class TrainingLevers:
    """The levers of one training plan; `hardware` are the chips to choose from."""

    asked: Training
    own: Mapping[str, float] = field(default_factory=dict)
    hardware: tuple[str, ...] = ()
    shown: tuple[str, ...] = field(default=SHOWN, init=False)
    ratios: Mapping[str, str] = field(default_factory=lambda: RATIOS, init=False)
    assumed: Mapping[str, Assumed] = field(default_factory=lambda: ASSUMED, init=False)
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES, init=False)
    together: tuple[Together, ...] = field(default=TOGETHER, init=False)

    def start(self) -> State:
        """The plan as it is, at the central values of what varies."""
        vary = self.asked.vary
        question = central(self.asked.question, vary, first_names(vary))
        return State(question, train(question, self.asked.catalog, self.asked.defaults))

    def value(self, name: str) -> float:
        """What a lever rests on, the user's own where it is set."""
        return self.own.get(name, ASSUMED[name].value)

    def solved(self, question: Question, runs: float) -> State:
        """The question solved; one that cannot be planned is a lever that does not apply."""
        try:
            plan = train(question, self.asked.catalog, self.asked.defaults)
        except UserError as error:
            raise NotHere(str(error)) from None
        if plan.impossible:
            raise NotHere(f"the plan would be impossible: {'; '.join(plan.binding)}")
        return State(question, plan, runs)

    # -- the levers ------------------------------------------------------------------------------------------------

    def choose_hardware(self, state: State) -> tuple[State, str]:
        """The chip whose plan costs least."""
        best: State | None = None
        for chip in self.hardware or self._candidates():
            kept = {n: v for n, v in state.question.choices.items() if n not in ("precision", "recipe", "sparsity")}
            given = {n: v for n, v in state.question.given.items() if n not in ("accelerator_price", "mfu")}
            try:
                found = self.solved(
                    replace(state.question, choices=kept | {"accelerator": chip}, given=given), state.runs
                )
            except NotHere:
                continue
            cost = found.value("run_cost")
            if cost is not None and (best is None or cost < (best.value("run_cost") or 0.0)):
                best = found
        now = state.plan.expanded.chosen["accelerator"]
        if best is None:
            raise NotHere("no other chip has a price and a peak in the catalogue")
        chosen = best.plan.expanded.chosen["accelerator"]
        if (best.value("run_cost") or 0.0) >= (state.value("run_cost") or float("inf")) or chosen == now:
            raise NotHere(f"{now} costs least already")
        return best, f"{chosen} instead of {now}: the shipping chip whose plan costs least"

    def _candidates(self) -> list[str]:
        out = []
        for chip_id in self.asked.catalog.ids("accelerator"):
            chip = self.asked.catalog.find("accelerator", chip_id)
            if chip.status == "shipping" and chip.scale_out.bandwidth and chip.family not in ("laptop", "desktop"):
                out.append(chip_id)
        return out

    def tune_software(self, state: State) -> tuple[State, str]:
        """The utilisation that the best tenth of runs reach."""
        if "mfu" in state.question.given:
            raise NotHere("mfu is given")
        from aiplan.whatif.uncertainty import intervals

        now, best = state.plan.value("mfu"), intervals(state.plan).bounds.get("mfu")
        if now is None or best is None or best[1] <= now:
            raise NotHere("nothing is known of how far its utilisation can rise")
        given = state.question.given | {"mfu": best[1]}
        shown = f"{units.show(best[1], '', 'mfu')} instead of {units.show(now, '', 'mfu')}"
        return self.solved(replace(state.question, given=given), state.runs), f"mfu {shown}: its p90"

    def curate_data(self, state: State) -> tuple[State, str]:
        """Fewer tokens of better data."""
        tokens, share = self._tokens(state), self.value("data")
        return self._with_tokens(
            state, tokens * share
        ), f"{share:.0%} of the tokens, {units.show(tokens * share, 'token')}"

    def accept_loss(self, state: State) -> tuple[State, str]:
        """A slightly worse model, trained on fewer tokens."""
        loss, size = state.plan.value("loss"), state.plan.value("effective_params")
        law = state.plan.expanded.law
        if loss is None or size is None:
            raise NotHere(f"{law.name} has no loss" if not law.has_loss else "the loss is unknown")
        from aiplan.graph import NoValue
        from aiplan.quantities.scaling import from_law

        aim = loss * (1 + self.value("loss"))
        try:
            tokens = float(from_law(law.form, "tokens", law.coefficients, loss=aim, effective_params=size))
        except (NoValue, LookupError) as no:
            raise NotHere(f"{law.name} gives no tokens for a loss ({no})") from None
        said = f"a loss of {aim:.4g} instead of {loss:.4g}, which {units.show(tokens, 'token')} tokens reach"
        return self._with_tokens(state, tokens), said

    def use_experts(self, state: State) -> tuple[State, str]:
        """Experts of the same effective size, sqrt(active * all)."""
        if "model" in state.question.choices or (state.plan.value("active_share") or 1.0) < 1.0:
            raise NotHere(
                "the model is a published one" if "model" in state.question.choices else "it has experts already"
            )
        params, share = state.plan.value("params"), self.value("experts")
        if params is None:
            raise NotHere("the size is unknown")
        tokens = self._tokens(state)
        given = {n: v for n, v in state.question.given.items() if n not in ("active_params", "loss", "training_flops")}
        given |= {"params": params / share**0.5, "active_share": share, "tokens": tokens}
        moved = self.solved(replace(state.question, given=given), state.runs)
        active = units.show(params * share**0.5, "param")
        return moved, f"{units.show(given['params'], 'param')} parameters, {active} of them active, instead of all"

    def quantize(self, state: State) -> tuple[State, str]:
        """Matrix work in the next lower precision that the chip has."""
        now = state.plan.expanded.chosen["precision"]
        chip = self.asked.catalog.find("accelerator", state.plan.expanded.chosen["accelerator"])
        lower = LOWER.get(now)
        while lower is not None and lower not in chip.peak:
            lower = LOWER.get(lower)
        if lower is None:
            raise NotHere(f"{chip.id} has no precision below {now}")
        if "mfu" in state.question.given:
            raise NotHere("mfu is given, and it is of the peak of this precision")
        choices = state.question.choices | {"precision": lower}
        return self.solved(replace(state.question, choices=choices), state.runs), f"{lower} instead of {now}"

    def retrain_less(self, state: State) -> tuple[State, str]:
        """Fewer runs in a year; each is as it was."""
        share = self.value("retraining")
        return replace(state, runs=state.runs * share), f"{share:.0%} of the runs; money and energy are of all runs"

    def take_off_the_shelf(self, state: State) -> tuple[State, str]:
        """A published model of the same size, fine-tuned in full."""
        tokens = min(self.value("tuning"), self._tokens(state))
        said = (
            f"fine-tuning on {units.show(tokens, 'token')} tokens; a licence and what quality is lost are not counted"
        )
        return self._with_tokens(state, tokens), said

    def _tokens(self, state: State) -> float:
        tokens = state.plan.value("tokens")
        if tokens is None:
            raise NotHere("the work is not counted in tokens")
        return float(tokens)

    def _with_tokens(self, state: State, tokens: float) -> State:
        """The same model on other tokens."""
        params = state.plan.value("params")
        given = {n: v for n, v in state.question.given.items() if n not in ("loss", "training_flops")}
        if params is not None and "model" not in state.question.choices:
            given["params"] = params
        return self.solved(replace(state.question, given=given | {"tokens": tokens}), state.runs)

    def each(self) -> dict[str, Callable[[State], tuple[State, str]]]:
        """The levers by name, in the order in which they are pulled together."""
        return {
            "hardware": self.choose_hardware,
            "experts": self.use_experts,
            "loss": self.accept_loss,
            "data": self.curate_data,
            "tuning": self.take_off_the_shelf,
            "quantization": self.quantize,
            "software": self.tune_software,
            "retraining": self.retrain_less,
        }
