"""Import of L1Menu XML: every form of the grammar, and every way to be wrong."""

import gzip
import time

import pytest

from trigsim.base.errors import InputError
from trigsim.menu import loads
from trigsim.menu.files import read_menu, to_yaml
from trigsim.menu.l1xml import import_l1menu


def bins(first, low, step, count, bits):
    return "".join(
        f"<bin><number>{(first + i) % (1 << bits)}</number><minimum>{low + i * step}</minimum>"
        f"<maximum>{low + (i + 1) * step}</maximum></bin>"
        for i in range(count)
    )


def scale(kind, what, low, high, step, bits, content=""):
    return (
        f"<scale><object>{kind}</object><type>{what}</type><minimum>{low}</minimum><maximum>{high}</maximum>"
        f"<step>{step}</step><n_bits>{bits}</n_bits>{content}</scale>"
    )


TURN = 6.2831853071795862
SCALES = "".join(
    scale(kind, "ET", -0.5 if kind == "MU" else 0, 255, 0.5, 9, bins(0, -0.5 if kind == "MU" else 0.0, 0.5, 511, 9))
    + scale(kind, "ETA", -5, 5, 0.0435, 8, bins(-100, -4.35, 0.0435, 200, 8))
    + scale(kind, "PHI", 0, TURN, TURN / 144, 8, bins(0, 0.0, TURN / 144, 144, 8))
    for kind in ("MU", "JET")
) + scale("MU", "UPT", -1, 255, 1, 8, bins(0, -1.0, 1.0, 256, 8))
PRECISIONS = scale("PRECISION", "JET-MU-Delta", 0, 0, 0, 2) + scale("PRECISION", "MU-JET-Mass", 0, 0, 0, 1)


def cut(name, what, low=0.0, high=0.0, data="", kind="MU"):
    return (
        f"<cut><name>{name}</name><object>{kind}</object><type>{what}</type><minimum>{low}</minimum>"
        f"<maximum>{high}</maximum><data>{data}</data></cut>"
    )


def required(name, kind, threshold, bx=0, compare=".ge."):
    return (
        f"<object_requirement><name>{name}</name><type>{kind}</type><comparison_operator>{compare}"
        f"</comparison_operator><threshold>{threshold}</threshold><bx_offset>{bx}</bx_offset></object_requirement>"
    )


MU3, MU0, JET30 = required("MU3", "MU", 3), required("MU0", "MU", 0), required("JET30", "JET", 30)
SIGNAL = "<external_requirement><name>EXT_B.v0+1</name><bx_offset>1</bx_offset></external_requirement>"


def algorithm(expression, entries, index=0, name="L1_x"):
    return (
        f"<algorithm><name>{name}</name><expression>{expression}</expression><index>{index}</index>"
        f"<module_id>0</module_id><module_index>0</module_index>{entries}</algorithm>"
    )


def menu(*algorithms, scales=SCALES):
    return (
        f"<menu><name>test</name>{''.join(algorithms)}<scale_set><name>s</name>{scales}{PRECISIONS}</scale_set>"
        "<ext_signal_set><name>e</name><ext_signal><name>B.v0</name><system>x</system><cable>1</cable>"
        "<channel>5</channel></ext_signal><ext_signal><name>C</name><system>x</system><cable>4</cable>"
        "<channel>0</channel></ext_signal></ext_signal_set></menu>"
    )


def imported(tmp_path, *algorithms):
    path = tmp_path / "menu.xml"
    path.write_text(menu(*algorithms))
    return import_l1menu(path)


def one(tmp_path, expression, entries):
    document = imported(tmp_path, algorithm(expression, entries))
    (entry,) = document["algorithms"]
    return entry, document


QUALITY = cut("MU-QLTY_S", "QLTY", data="12,13,14,15")
FORMS = {
    "single": ("MU3[MU-QLTY_S]", MU3 + QUALITY, {"object": "MU", "pt_gev": 3.0, "cuts": ["MU_QLTY_S"]}),
    "equal": ("MU3", required("MU3", "MU", 3, compare=".eq."), {"object": "MU", "pt_gev": 3.0, "compare": "eq"}),
    "offset": ("MU3-1", required("MU3-1", "MU", 3, bx=-1), {"object": "MU", "pt_gev": 3.0, "bx": -1}),
    "external": ("EXT_B.v0+1", SIGNAL, {"external": "B.v0", "bx": 1}),
    "charges": (
        "comb{MU3,MU0}[CHGCOR_OS]",
        MU3 + MU0 + cut("CHGCOR_OS", "CHGCOR", data="os"),
        {"charges": "opposite"},
    ),
    "upt mass": ("mass_inv_upt{MU3,MU0}[M]", MU3 + MU0 + cut("M", "MASSUPT", 5, 15), {"mass_upt_gev": [5.0, 15.0]}),
    "mass over dR": (
        "mass_inv_dr{MU3,MU0}[M]",
        MU3 + MU0 + cut("M", "MASSDR", 5, 15),
        {"mass_over_dr_gev": [5.0, 15.0]},
    ),
    "pair pt": ("dist{MU3,JET30}[T]", MU3 + JET30 + cut("T", "TBPT", 15, 0), {"pair_pt_gev": [15.0, 1e6]}),
    "transverse": (
        "mass_trv{MU3,JET30}[M]",
        MU3 + JET30 + cut("M", "MASS", 40, 100),
        {"mass_t_gev": [40.0, 100.0]},
    ),
    "three": ("mass_inv_3{MU3,MU3,MU0}[M]", MU3 + MU0 + cut("M", "MASS", 0, 12), {"mass_gev": [0.0, 12.0]}),
    "overlap": (
        "dist_orm{MU3,MU0,JET30}[D,O]",
        MU3 + MU0 + JET30 + cut("D", "DETA", 0, 1) + cut("O", "ORMDPHI", 0, 0.2),
        {
            "deta": [0.0, 1.0],
            "remove_overlap": {"reference": {"object": "JET", "pt_gev": 30.0}, "dphi_rad": [0.0, 0.2]},
        },
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_each_form_becomes_what_it_says(tmp_path, form):
    expression, entries, said = FORMS[form]
    entry, document = one(tmp_path, expression, entries)
    assert "unsupported" not in entry, entry
    condition = document["conditions"][entry["when"]]
    assert {k: v for k, v in condition.items() if k in said} == said
    loads(to_yaml(document))


def test_windows_of_one_kind_are_alternatives(tmp_path):
    cuts = (
        cut("MU-ETA_P", "ETA", 0.87, 1.305)
        + cut("MU-ETA_N", "ETA", -1.305, -0.87)
        + cut("MU-CHG", "CHG", data="positive")
    )
    _, document = one(tmp_path, "MU3[MU-ETA_P,MU-ETA_N,MU-CHG]", MU3 + cuts)
    ((condition,),) = loads(to_yaml(document)).programs().values()
    passes = dict(condition.legs[0].passes)
    assert passes["eta"] == ((-30, -21), (20, 29))
    assert (passes["charge"], passes["charge_valid"]) == (((0, 0),), ((1, 1),))


@pytest.mark.parametrize(
    "expression",
    [
        "dist{MU3[MU-QLTY_S], MU3[MU-QLTY_S]}[CHGCOR_OS, D]",
        " dist { MU3 [ MU-QLTY_S ] ,\n MU3[MU-QLTY_S ] } [CHGCOR_OS ,D]\n",
    ],
)
def test_blanks_in_a_condition_say_nothing(tmp_path, expression):
    entries = MU3 + QUALITY + cut("CHGCOR_OS", "CHGCOR", data="os") + cut("D", "DR", 0, 1)
    _, close = one(tmp_path, "dist{MU3[MU-QLTY_S],MU3[MU-QLTY_S]}[CHGCOR_OS,D]", entries)
    _, wide = one(tmp_path, expression, entries)
    assert wide == close
    entry, _ = one(tmp_path, f"NOT ({expression})AND MU3", entries)
    assert entry["when"] == "not (dist_MU3_QLTY_S_MU3_QLTY_S_CHGCOR_OS_D) and MU3"


def test_cuts_have_any_name(tmp_path):
    entries = "".join(cut(name, "INDEX", i, i) for i, name in enumerate(("2p1", "NOT", "µ" * 300)))
    _, document = one(tmp_path, f"MU3[2p1,NOT,{'µ' * 300}]", MU3 + entries)
    ((condition,),) = loads(to_yaml(document)).programs().values()
    assert dict(condition.legs[0].passes)["index"] == ((0, 2),)


def test_a_cut_that_lists_numbers_needs_no_range(tmp_path):
    for empty in ("", "<minimum/><maximum/>"):
        entry, _ = one(
            tmp_path,
            "MU3[MU-QLTY_S]",
            MU3 + QUALITY.replace("<minimum>0.0</minimum><maximum>0.0</maximum>", empty),
        )
        assert entry["when"] == "MU3_QLTY_S"


def test_names_mean_what_their_own_algorithm_says(tmp_path):
    """CMS gives equal names equal content, but each algorithm carries its own."""
    first = algorithm("MU3[E]", MU3 + cut("E", "ETA", 0, 0.87))
    second = algorithm("MU3[E]", required("MU3", "MU", 5) + cut("E", "ETA", 0, 1.74), 1, "L1_y")
    one, other = loads(to_yaml(imported(tmp_path, first, second))).programs().values()
    assert dict(one[0].legs[0].passes) == {"pt": ((7, 511),), "eta": ((0, 19),)}
    assert dict(other[0].legs[0].passes) == {"pt": ((11, 511),), "eta": ((0, 39),)}


def test_a_scale_that_pairs_cannot_use_costs_only_their_algorithms(tmp_path):
    uneven = scale("JET", "ETA", -5, 5, 0.0435, 8, "".join(
        f"<bin><number>{n}</number><minimum>{n * n / 100}</minimum><maximum>{(n + 1) ** 2 / 100}</maximum></bin>"
        for n in range(20)
    ))  # fmt: skip
    path = tmp_path / "menu.xml"
    pair = algorithm("dist{MU3,JET30}[D]", MU3 + JET30 + cut("D", "DETA", 0, 1))
    single = algorithm("JET30[E]", JET30 + cut("E", "ETA", 0, 1), 1, "L1_y")
    path.write_text(menu(pair, single, scales=SCALES.replace(_eta_of_jets(), uneven)))
    bad, good = import_l1menu(path)["algorithms"]
    assert bad["unsupported"].startswith("dist{MU3,JET30}[D]: a pair needs regular bins of eta;")
    assert good["when"] == "JET30_E"
    assert read_menu(path).compile().names == ("L1_y",)


def _eta_of_jets():
    start = SCALES.index("<scale><object>JET</object><type>ETA</type>")
    return SCALES[start : SCALES.index("</scale>", start) + len("</scale>")]


def test_operators_and_parentheses_stay(tmp_path):
    entry, document = one(tmp_path, "MU3 AND ( NOT JET30 OR (MU0 XOR EXT_B.v0+1))", MU3 + MU0 + JET30 + SIGNAL)
    (program,) = loads(to_yaml(document)).programs().values()
    assert [p for p in program if isinstance(p, str)] == ["not", "xor", "or", "and"]
    assert entry["when"] == "MU3 and (not JET30 or (MU0 xor EXT_B_v0_p1))"


def test_scales_and_precisions_are_the_files_own(tmp_path):
    _, document = one(tmp_path, "dist{MU3,JET30}[D]", MU3 + JET30 + cut("D", "DETA", 0, 1))
    loaded = loads(to_yaml(document))
    assert loaded.scales.pair_precision("MU", "JET").delta == 2
    assert loaded.scales.objects["MU"].fields["eta"].bin_edges()[0] == -100
    ((condition,),) = loaded.programs().values()
    assert condition.pairs[0].limits == (("deta", (0, 100)),)
    assert loaded.externals == {"B.v0": 69}


UNSUPPORTED = {
    "cut of unknown type": ("MU3[X]", MU3 + cut("X", "SLICE", 0, 1), "of type 'SLICE' is not known"),
    "no such cut": ("MU3[X]", MU3, "no cut named 'X'"),
    "no such object": ("PIO3", required("PIO3", "PIO", 3), "unknown object 'PIO'"),
    "no requirement": ("MU7", MU3, "no object requirement"),
    "function": ("fuzz{MU3,MU0}", MU3 + MU0, "function 'fuzz' is not known"),
    "threshold": ("MU999", required("MU999", "MU", 999), "above the scale"),
    "network": ("AXO[AXO-MODEL_v9,AXO-SCORE_1]", required("AXO", "AXO", 0) + cut("AXO-MODEL_v9", "MODEL", data="v9")
                + cut("AXO-SCORE_1", "SCORE", 7), "inputs of network 'AXO_v9' are not known"),
    "expression": ("MU3 AND", MU3, "ends too early"),
    "comparison": ("MU7", required("MU7", "MU", 7, compare=".le."), "should be 'ge' or 'eq'"),
    "threshold that is no number": ("MU3", MU3.replace("<threshold>3", "<threshold>x"), "give a number"),
    "infinite threshold": ("MU7", required("MU7", "MU", "inf"), "'threshold' of 'object_requirement' is 'inf'"),
    "no offset": ("MU3", MU3.replace("<bx_offset>0</bx_offset>", ""), "'object_requirement' lacks 'bx_offset'"),
    "no end of a range": ("MU3[E]", MU3 + cut("E", "ETA", -1, ""), "'cut' lacks 'maximum'"),
    "signal beyond the word": ("EXT_C", SIGNAL.replace("B.v0+1", "C"), "no external signal 'C'"),
    "long expression": ("(" * 12_001, MU3, "more than 12000 characters"),
    "no expression": ("", MU3, "'algorithm' lacks 'expression'"),
    "crossing": ("MU7", required("MU7", "MU", 7, bx=3), "less than or equal to 2"),
    "cut beyond the schema": ("MU3[X]", MU3 + cut("X", "QLTY", data="-5"), "greater than or equal to"),
    "two ranges": ("comb_orm{MU3,JET30}[A,B]", MU3 + JET30 + cut("A", "ORMDR", 0, 0.2) + cut("B", "ORMDR", 1, 2),
                   "two cuts of type 'ORMDR'"),
    "two correlations": ("comb{MU3,MU0}[A,B]", MU3 + MU0 + cut("A", "CHGCOR", data="os")
                         + cut("B", "CHGCOR", data="ls"), "two charge correlations"),
}  # fmt: skip


@pytest.mark.parametrize("case", UNSUPPORTED)
def test_what_cannot_be_said_is_named_and_the_rest_goes_on(tmp_path, case):
    expression, entries, reason = UNSUPPORTED[case]
    document = imported(tmp_path, algorithm(expression, entries), algorithm("MU3", MU3, 1, "L1_good"))
    bad, good = document["algorithms"]
    assert reason in bad["unsupported"]
    assert good["when"] == "MU3"
    loaded = loads(to_yaml(document))
    assert loaded.compile().names == ("L1_good",)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not XML"),
        ("<menu><name>x</name>", "not XML"),
        ("<other/>", "top element is 'other'"),
        (menu(algorithm("MU3", MU3), algorithm("MU3", MU3, 1)), "menu.xml: 2 algorithms have name L1_x"),
        (menu(algorithm("MU3", MU3), algorithm("MU3", MU3, name="b")), "menu.xml: 2 algorithms have index 0"),
        ("<menu>" + "<x/>" * 2_100_000, "more than 2000000 tags or"),
        ("<menu " + " ".join(f"a{i}='1'" for i in range(110_000)) + "/>", "or 100000 attributes"),
        (menu(), "no algorithms"),
        ("<menu>" + algorithm("MU3", MU3) + "</menu>", "."),
        (menu(algorithm("MU3", MU3, index="1.5")), "whole number"),
        (menu(algorithm("MU3", MU3, index="x")), "give a number"),
        (
            menu(algorithm("MU3", MU3), scales=SCALES.replace("<n_bits>9", "<n_bits>q")),
            "not readable: MU ET: invalid",
        ),
        (menu(algorithm("MU3", MU3), scales=SCALES + scale("PRECISION", "MU-JET-Math", 0, 0, 0, 9)), "delta|math"),
        ('<!DOCTYPE m [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><menu>&b;</menu>', "document types and entities"),
        ('<!DOCTYPE m SYSTEM "file:///etc/passwd"><menu/>', "document types and entities"),
    ],
)
def test_what_is_no_menu_is_refused(tmp_path, text, problem):
    path = tmp_path / "menu.xml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(InputError, match=problem):
        import_l1menu(path)
    assert time.process_time() - started < 2


@pytest.mark.parametrize("top", ['<t:menu xmlns:t="http://x/1">', '<menu xmlns="http://x/1">'])
def test_namespaces_say_nothing(tmp_path, top):
    path = tmp_path / "menu.xml"
    end = "</t:menu>" if ":menu" in top else "</menu>"
    plain = menu(algorithm("MU3", MU3))
    path.write_text(plain)
    expected = import_l1menu(path)
    path.write_text(plain.replace("<menu>", top).replace("</menu>", end))
    assert import_l1menu(path) == expected


def test_gzip_is_read_and_its_damage_told(tmp_path):
    packed = gzip.compress(menu(algorithm("MU3", MU3)).encode())
    path = tmp_path / "menu.xml.gz"
    path.write_bytes(packed)
    assert [a.name for a in read_menu(path).algorithms] == ["L1_x"]
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(InputError, match=r"xml.gz: the gzip stream is cut short or broken; fetch the file again$"):
        read_menu(path)
