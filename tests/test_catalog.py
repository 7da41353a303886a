"""Names find entries, overlays replace and alter them, and what is generated is fresh."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from aiplan import catalog as catalogue
from aiplan import yamlio
from aiplan.catalog import KINDS, Catalog, check_file, load_settings, open_catalog
from aiplan.errors import UserError

ROOT = Path(__file__).parent.parent
CATALOG = Catalog()
FILES = [(kind, name) for kind in KINDS for name in CATALOG.ids(kind)]
# Traps that are true of the thing itself.
KNOWN_DOUBTS = {
    "trainium3": "fp8 is 3.75 times",
    "gpt-oss-120b": "active_params is 5.13e+09",
    "gpt-oss-20b": "active_params is 3.61e+09",
    "h100-sxm-96gb": "memory.capacity or memory.bandwidth is unknown",
    "wse-3": "no dense peak is published at fp16; only a sparse one",
    "m3-ultra": "no dense peak is published at fp32, fp16",
    "chinchilla-70b": "params is 7e+10, but the shape counts 6.4688e+10",
    "gopher-280b": "params is 2.8e+11, but the shape counts 2.58225e+11",
}

CHIP = """
id: {id}
name: A chip
vendor: us
released: 2026-01
peak: {{bf16: 100 TFLOP/s}}
memory: {{capacity: 64 GB, bandwidth: 2 TB/s}}
tdp: 500 W
sources: {{sheet: "datasheet, 2026-01"}}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- ours -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_each_entry(kind: str, name: str) -> None:
    path = CATALOG.path(kind, name)
    assert path.stem == name
    assert path.read_text().startswith("# yaml-language-server: $schema=")
    spec = CATALOG.find(kind, name)  # type: ignore[call-overload]
    assert spec.id == name
    assert spec.sources
    for doubt in check_file(path):
        if doubt.partition(" is doubtful: ")[0] in spec.doubtful:
            continue
        allowed = ("not read at a source", "max_power is unknown", KNOWN_DOUBTS.get(name, "not read at a source"))
        assert doubt.startswith(allowed), doubt


def test_the_known_doubts_are_still_there() -> None:
    for name, doubt in KNOWN_DOUBTS.items():
        kind = "model" if name in CATALOG.ids("model") else "accelerator"
        assert any(line.startswith(doubt) for line in check_file(CATALOG.path(kind, name))), name


def test_what_is_doubtful_is_a_field() -> None:
    for kind, name in FILES:
        spec = CATALOG.find(kind, name)  # type: ignore[call-overload]
        for field, text in spec.doubtful.items():
            assert field.partition(".")[0] in type(spec).model_fields, (name, field)
            assert len(text) > 20


def test_the_list_is_as_long_as_it_should_be() -> None:
    chips = CATALOG.ids("accelerator")
    assert len(chips) >= 75
    wanted = (
        "wse-3 groq-lpu-v1 mtia-v2 mtia-300 mtia-400 maia-100 maia-200 m2-ultra m3-ultra m4-max rubin-288gb dojo-d1 "
    )
    wanted += "mi455x-432gb trainium3 tpu-v7-ironwood gb300-288gb ascend-910c gaudi3 desktop laptop-cpu-8core k80"
    assert set(wanted.split()) <= set(chips)
    servers = CATALOG.ids("server")
    assert {"trn2-ultraserver", "tpu-v4-pod", "tpu-v5p-pod", "tpu-v7-pod", "gb200-nvl72", "dgx-h100"} <= set(servers)


@pytest.mark.parametrize(("kind", "name"), FILES)
def test_each_entry_passes_the_editors_schema(kind: str, name: str) -> None:
    path = CATALOG.path(kind, name)
    named = path.read_text().partition("\n")[0].partition("=")[2]
    schema = json.loads((path.parent / named).resolve().read_text())
    jsonschema.validate(yamlio.load(path), schema)


def test_the_schema_refuses_what_we_refuse() -> None:
    schema = json.loads((ROOT / "schema/accelerator.json").read_text())
    good = yamlio.load(CATALOG.path("accelerator", "h100-sxm-80gb"))
    for bad in ({"tdp": 700}, {"watts": "1 W"}, {"id": "Not An Id"}, {"peak": {"bf17": "1 TFLOP/s"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(good | bad, schema)


@pytest.mark.parametrize("path", [*catalogue.index_texts(), *catalogue.schema_texts()], ids=str)
def test_generated_files_are_fresh(path: Path) -> None:
    fresh = (catalogue.index_texts() | catalogue.schema_texts())[path]
    assert path.read_text() == fresh, "run: python -m aiplan.catalog"


def test_every_price_names_a_source_that_is_listed() -> None:
    for name in CATALOG.ids("accelerator"):
        spec = CATALOG.find("accelerator", name)
        assert {p.source for p in spec.prices} | {m.source for m in spec.mfu.values()} <= spec.sources.keys(), name


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("h100", "h100-sxm-80gb"),
        ("H100-80GB-SXM", "h100-sxm-80gb"),
        ("h100_sxm", "h100-sxm-80gb"),
        ("NVIDIA H100-SXM-80GB", "h100-sxm-80gb"),
        ("H100-96GB-HBM2e-500W", "h100-sxm-96gb"),
        ("a100", "a100-sxm-80gb"),
        ("A100-40GB-SXM", "a100-sxm-40gb"),
        ("A100-80GB-SXM", "a100-sxm-80gb"),
        ("A800-80GB-SXM", "a800-sxm-80gb"),
        ("H800-80GB-SXM", "h800-sxm-80gb"),
        ("H200-141GB-SXM", "h200-sxm-141gb"),
        ("GB200", "gb200-186gb"),
        ("GB300", "gb300-288gb"),
        ("B200", "b200-sxm-180gb"),
        ("B300", "b300-sxm-270gb"),
        ("GH200-96GB", "gh200-96gb"),
        ("V100", "v100-sxm2-32gb"),
        ("V100-32GB", "v100-sxm2-32gb"),
        ("AMD Instinct MI325X 256GB HBM3e", "mi325x-256gb"),
        ("MI300X", "mi300x-192gb"),
        ("MI350X", "mi350x-288gb"),
        ("MI355X", "mi355x-288gb"),
        ("MI250X (GCD)", "mi250x-gcd"),
        ("TPUv5p", "tpu-v5p"),
        ("TPU-v4", "tpu-v4"),
        ("tpu-v7", "tpu-v7-ironwood"),
        ("TPU-v7x-Ironwood", "tpu-v7-ironwood"),
        ("Google Cloud TPU v6e", "tpu-v6e"),
        ("Gaudi2", "gaudi2"),
        ("Trn1", "trainium1"),
        ("NVIDIA Tesla K80", "k80"),
        ("NVIDIA Tesla V100S PCIe 32 GB", "v100s-pcie-32gb"),
        ("Huawei Ascend 910", "ascend-910"),
        ("Cerebras CS-3", "wse-3"),
        ("groq", "groq-lpu-v1"),
        ("laptop", "laptop-cpu-8core"),
        ("desktop", "desktop"),
    ],
)
def test_usual_spellings(name: str, entry: str) -> None:
    assert CATALOG.id_of("accelerator", name) == entry


def test_unknown_names_show_the_nearest() -> None:
    with pytest.raises(UserError, match=r"there is no accelerator 'h1000' in the catalogue; nearest: h100"):
        CATALOG.find("accelerator", "h1000")
    with pytest.raises(UserError, match=r"there is no model 'llama3.1-400b' in the catalogue; nearest: llama-3.1-405b"):
        CATALOG.find("model", "llama3.1-400b")
    with pytest.raises(UserError, match="there is no model"):
        CATALOG.find("model", "llama-9")
    with pytest.raises(UserError, match="there is no site ''"):
        CATALOG.find("site", "")
    with pytest.raises(UserError, match="there is no kind 'gpu'; kinds: accelerator"):
        CATALOG.ids("gpu")
    with pytest.raises(UserError) as error:
        CATALOG.find("accelerator", "h" * 100_000)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("kind", KINDS)
def test_near_names_are_written_as_they_are_in_the_files(kind: str) -> None:
    for name in ("h100x", "tpu-v5", "llama-3-9b", "nvlink", "us-x", "dgx"):
        with pytest.raises(UserError) as error:
            CATALOG.find(kind, name)  # type: ignore[call-overload]
        near = str(error.value).partition("; nearest: ")[2]
        shown = near.split(", ") if near else []
        entries = [CATALOG.id_of(kind, one) for one in shown]
        assert len(set(entries)) == len(entries)
        for one, entry in zip(shown, entries, strict=True):
            spec = CATALOG.find(kind, entry)  # type: ignore[call-overload]
            assert one in (spec.id, *spec.aliases)


def test_half_a_module() -> None:
    whole, half = (CATALOG.find("accelerator", name) for name in ("mi250x", "mi250x-gcd"))
    assert half.peak["bf16"] == whole.peak["bf16"] / 2
    assert half.vendor == whole.vendor
    assert "mi250x-128gb" not in [a.lower() for a in half.aliases]


# -- finding without the index --------------------------------------------------------------------------------------


def test_a_new_file_is_found_before_the_index_is_written(tmp_path: Path) -> None:
    write(tmp_path / "hardware/accelerators/old.yaml", CHIP.format(id="old"))
    catalogue.write_index(tmp_path)
    write(tmp_path / "hardware/accelerators/new.yaml", CHIP.format(id="new") + "aliases: [The New]\n")
    assert Catalog(root=tmp_path).find("accelerator", "old").id == "old"
    assert Catalog(root=tmp_path).find("accelerator", "the-new").id == "new"
    assert catalogue.index_texts(tmp_path) != {p: p.read_text() for p in tmp_path.glob("*/index.json")}


def test_a_broken_index_is_not_needed(tmp_path: Path) -> None:
    write(tmp_path / "hardware/accelerators/old.yaml", CHIP.format(id="old"))
    write(tmp_path / "hardware/index.json", "{")
    assert Catalog(root=tmp_path).find("accelerator", "old").id == "old"


def test_names_are_unique(tmp_path: Path) -> None:
    write(tmp_path / "hardware/accelerators/a.yaml", CHIP.format(id="a"))
    write(tmp_path / "hardware/accelerators/b.yaml", CHIP.format(id="b") + "aliases: [A]\n")
    with pytest.raises(UserError, match="the name 'A' is also a's"):
        catalogue.write_index(tmp_path)


# -- overlays -------------------------------------------------------------------------------------------------------


def test_an_overlay_adds_and_replaces_whole(tmp_path: Path) -> None:
    write(tmp_path / "accelerators/mine.yaml", CHIP.format(id="mine"))
    write(tmp_path / "hardware/accelerators/h100.yml", CHIP.format(id="h100-sxm-80gb"))
    write(tmp_path / "sites/here.yaml", "id: here\nname: Here\nas_of: 2026-01\npue: 1.1\nsources: {pue: us}\n")
    found = Catalog([tmp_path])
    assert found.find("accelerator", "mine").tdp == 500
    assert found.find("accelerator", "h100").tdp == 500
    assert found.find("accelerator", "h100").prices == ()
    assert found.find("site", "here").pue == 1.1
    assert found.find("accelerator", "gb200").id == "gb200-186gb"
    assert {"mine", "h100-sxm-80gb"} <= set(found.ids("accelerator"))
    assert found.path("accelerator", "h100-sxm-80gb") == tmp_path / "hardware/accelerators/h100.yml"


DISCOUNT = """
base: h100
tdp: 650 W
memory: {bandwidth: 3 TB/s}
sparse_peak: null
prices:
  - {kind: purchase, covers: server, usd: 20000, as_of: 2026-10, source: our contract}
"""


def test_a_base_alters_only_what_is_named(tmp_path: Path) -> None:
    write(tmp_path / "accelerators/discount.yaml", DISCOUNT)
    ours, theirs = CATALOG.find("accelerator", "h100"), Catalog([tmp_path]).find("accelerator", "H100-80GB-SXM")
    assert theirs.id == ours.id
    assert (theirs.tdp, theirs.memory.bandwidth, theirs.memory.capacity) == (650, 3e12, 80e9)
    assert theirs.peak == ours.peak
    assert theirs.sparse_peak == {}
    assert [p.usd for p in theirs.prices] == [20000]
    assert theirs.server_spec == ours.server_spec


def test_a_base_makes_a_new_entry_with_its_own_id(tmp_path: Path) -> None:
    write(tmp_path / "accelerators/cool.yaml", "base: h100\nid: h100-cool\nname: Cool\ntdp: 500 W\n")
    write(tmp_path / "accelerators/cooler.yaml", "base: h100-cool\nid: h100-cooler\ntdp: 400 W\n")
    found = Catalog([tmp_path])
    assert found.find("accelerator", "h100-cooler").tdp == 400
    assert found.find("accelerator", "h100-cooler").name == "Cool"
    assert found.find("accelerator", "h100").tdp == 700


def test_earlier_overlays_win_and_may_build_on_later_ones(tmp_path: Path) -> None:
    write(tmp_path / "a/accelerators/x.yaml", "base: h100-sxm-80gb\ntdp: 1 kW\n")
    write(tmp_path / "b/accelerators/x.yaml", "base: h100-sxm-80gb\ntdp: 2 kW\nvendor: them\n")
    spec = Catalog([tmp_path / "a", tmp_path / "b"]).find("accelerator", "h100")
    assert (spec.tdp, spec.vendor) == (1000, "them")


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"x": "base: h100000\ntdp: 1 W"}, "base 'h100000' is no accelerator of the catalogue below"),
        ({"x": "base: h100000\nid: x"}, "there is no accelerator 'h100000'"),
        (
            {"x": "base: y\nid: x", "y": "base: x\nid: y"},
            "leads back to itself|there is no accelerator .* to build on",
        ),
        ({"x": "base: x\nid: x"}, "there is no accelerator 'x' to build on"),
        ({"x": "base: [h100]\nid: x"}, "base is the name of an entry"),
        ({"x": "- a"}, "an entry is a map of fields"),
        ({"x": "name: x"}, "id is missing"),
        ({"x": "id: x\naliases: y"}, "aliases is a list"),
        (
            {"x": "id: x\nname: X\nvendor: v\npeak: {}\ntdpp: 700 W"},
            r"x.yaml:5: there is no field 'tdpp'; nearest: tdp",
        ),
        ({"x": "id: x\nname: X\nvendor: v\npeak:\n  bf16: fast"}, r"x.yaml:5: peak.bf16: "),
        ({"x": "base: h100\nserver: dgx-h1000"}, "there is no server 'dgx-h1000' in the catalogue; nearest: dgx"),
        ({"x": CHIP.format(id="x"), "y": CHIP.format(id="x")}, "'x' is also in"),
    ],
)
def test_broken_overlays_are_one_line(tmp_path: Path, files: dict[str, str], problem: str) -> None:
    for name, text in files.items():
        write(tmp_path / f"accelerators/{name}.yaml", text)
    with pytest.raises(UserError, match=problem) as error:
        Catalog([tmp_path]).find("accelerator", "h100" if "base: h100\n" in next(iter(files.values())) else "x")
    assert "\n" not in str(error.value)


def test_overlay_folders_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        Catalog([tmp_path / "absent"])
    with pytest.raises(UserError, match="is not a folder"):
        Catalog([write(tmp_path / "file", "")])


# -- files by path --------------------------------------------------------------------------------------------------


def test_a_path_is_an_entry(tmp_path: Path) -> None:
    chip = write(tmp_path / "chip.yaml", CHIP.format(id="mine"))
    discount = write(tmp_path / "discount.yml", DISCOUNT)
    found = Catalog()
    assert found.find("accelerator", str(chip)).tdp == 500
    assert found.find("accelerator", "mine").tdp == 500  # by the id that the file gave
    theirs = found.find("accelerator", str(discount))
    assert (theirs.id, theirs.tdp) == ("h100-sxm-80gb", 650)
    assert found.find("accelerator", "h100").tdp == 700  # a file by path replaces nothing
    assert found.file_of("accelerator", str(chip)) == chip
    assert found.file_of("accelerator", "h100").name == "h100-sxm-80gb.yaml"


def test_a_path_that_is_no_entry(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        CATALOG.find("accelerator", str(tmp_path / "absent.yaml"))
    with pytest.raises(UserError, match="an entry is a map of fields"):
        CATALOG.find("accelerator", str(write(tmp_path / "list.yaml", "- 1")))
    with pytest.raises(UserError, match="id is missing"):
        CATALOG.find("accelerator", str(write(tmp_path / "bare.yaml", "name: x\n")))
    with pytest.raises(UserError, match=r"there is no accelerator .* in the catalogue"):
        CATALOG.find("accelerator", str(tmp_path / "absent"))


# -- settings -------------------------------------------------------------------------------------------------------


def test_settings_are_found_upwards(tmp_path: Path) -> None:
    write(tmp_path / "aiplan.yaml", "catalog: [ours]\ndefaults: {site: us-texas, accelerator: h100}\n")
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/deep").mkdir()
    (tmp_path / "free/deep").mkdir(parents=True)
    assert load_settings(tmp_path / "repo/deep").path is None
    settings = load_settings(tmp_path / "free/deep")
    assert settings.catalog == (tmp_path / "ours",)
    assert settings.defaults == {"site": "us-texas", "accelerator": "h100"}
    write(tmp_path / "repo/aiplan.yaml", "catalog: here\n")
    assert load_settings(tmp_path / "repo/deep").catalog == (tmp_path / "repo/here",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("catalogue: [x]", r"aiplan.yaml:1: there is no setting 'catalogue'; settings: catalog, defaults"),
        ("catalog: {a: b}", "catalog is a list of folders"),
        ("defaults: us", "defaults is a map"),
        ("defaults: {siet: us}", "siet"),
        ("defaults: {pue: fast}", "pue"),
        ("[a]", "an entry is a map"),
    ],
)
def test_broken_settings(tmp_path: Path, text: str, problem: str) -> None:
    write(tmp_path / "aiplan.yaml", text)
    with pytest.raises(UserError, match=problem):
        load_settings(tmp_path)


def test_overlays_come_from_flags_environment_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in "abcd":
        (tmp_path / name).mkdir()
    write(tmp_path / "aiplan.yaml", "catalog: [d]\ndefaults: {site: sweden}\n")
    monkeypatch.setenv("AIPLAN_CATALOG", os.pathsep.join([str(tmp_path / "b"), str(tmp_path / "c")]))
    found, defaults = open_catalog([tmp_path / "a"], cwd=tmp_path)
    assert [p.name for p in found.overlays] == ["a", "b", "c", "d"]
    assert defaults == {"site": "sweden"}


# -- checking -------------------------------------------------------------------------------------------------------


def test_check_a_newcomers_file(tmp_path: Path) -> None:
    path = write(tmp_path / "newchip.yaml", CHIP.format(id="new-chip") + "aliases: [H100]\nserver: dgx-h1000\n")
    assert check_file(path) == [
        "the file is named newchip.yaml, not new-chip.yaml",
        "the name 'H100' is also h100-sxm-80gb's",
        "server 'dgx-h1000' is not in the catalogue; nearest: dgx-h100, dgx-h200, dgx-a100",
    ]
    good = write(tmp_path / "new-chip.yaml", CHIP.format(id="new-chip"))
    assert check_file(good) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (CHIP.format(id="x"), "accelerator"),
        ("id: x\npue: 1.2\n", "site"),
        ("id: x\nrole: scale-up\n", "network"),
        ("id: x\naccelerators: 8\n", "server"),
        ("id: x\nlayers: 8\n", "model"),
    ],
)
def test_kinds_are_told_apart(text: str, kind: str) -> None:
    assert catalogue.kind_of(Path("x.yaml"), yamlio.loads(text)) == kind


def test_a_rack_is_the_sum_of_its_servers(tmp_path: Path) -> None:
    text = "id: rack\nname: R\naccelerators: 30\nholds: {dgx-h100: 4, dgx-x: 1}\nmax_power: 50 kW\nsources: {a: b}\n"
    assert check_file(write(tmp_path / "servers/rack.yaml", text)) == [
        "holds 'dgx-x', which is not in the catalogue",
        "accelerators is 30, but the servers that it holds have 32",
    ]


def test_what_sources_contradict_is_told(tmp_path: Path) -> None:
    text = CHIP.format(id="x") + 'doubtful: {tdp: "600 W too (a shop, 2026-02)"}\n'
    assert check_file(write(tmp_path / "x.yaml", text)) == ["tdp is doubtful: 600 W too (a shop, 2026-02)"]


def test_an_entry_of_no_kind() -> None:
    with pytest.raises(UserError, match="cannot tell what it describes"):
        catalogue.kind_of(Path("x.yaml"), {"id": "x"})


# -- speed ----------------------------------------------------------------------------------------------------------


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, aiplan.catalog as c; f = c.Catalog().find; c.expand_site(f('site', 'us')); c.expand_accelerator(f('accelerator', 'h100'), 'bf16'); print(*[m for m in ('numpy', 'pint', 'rich', 'typer', 'aiplan.specs.model') if m in sys.modules])"  # noqa: E501
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == ""


def test_one_name_reads_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    load = yamlio.load
    monkeypatch.setattr(yamlio, "load", lambda path: (read.append(Path(path).name), load(path))[1])
    Catalog().find("accelerator", "GB200")
    Catalog().find("site", "usa")
    assert read == ["gb200-186gb.yaml", "gb200-nvl72.yaml", "us.yaml"]
