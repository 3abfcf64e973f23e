"""Whether quoted numbers can be true, and `deptool check-numbers`."""

import json
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from deptool.cli.main import app
from deptool.errors import DataError, InputError, UsageError
from deptool.metrics import measure
from deptool.number_check import check_numbers
from deptool.quoted_numbers import COLUMNS, NUMBERS, parse, read_quoted, rounded_to

NAMES = {
    *("MAE ≤ RMSE", "RMSE ≤ √N · MAE", "CCC between 0 and PCC", "bias² ≥ 0", "|bias| ≤ MAE"),
    "SD within the scale",
}


def check(**texts):
    return check_numbers(parse(texts))


def holds(found, name):
    return {c.name: c.holds for c in found.checks}[name]


def vectors(sd, predicted_sd, pcc, bias):
    """Truth and prediction with exactly these values, four numbers each."""
    # Two directions at right angles to each other and to (1, 1, 1, 1), of SD 1.
    a, b = np.array([1.0, 1, -1, -1]), np.array([1.0, -1, 1, -1])
    return 15 + sd * a, 15 + bias + predicted_sd * (pcc * a + np.sqrt(1 - pcc**2) * b)


def quote(truth, prediction, decimals):
    """The row that somebody prints who has these vectors."""
    found = measure(truth, prediction)
    values = {k: getattr(found, k) for k in ("rmse", "mae", "pcc", "ccc")}
    values |= {"sd": float(np.std(truth)), "mean": float(np.mean(truth))}
    return {k: f"{v:.{decimals}f}" for k, v in values.items()} | {"n": str(len(truth))}


numbers = st.floats(0, 63, allow_subnormal=False)


@given(
    st.lists(st.tuples(numbers, st.floats(-20, 90)), min_size=1, max_size=12),
    st.integers(0, 6),
    st.sets(st.sampled_from(("rmse", "mae", "pcc", "ccc", "sd", "mean", "n", "scale"))),
)
@settings(max_examples=400, deadline=None)
def test_what_is_true_is_never_called_impossible(pairs, decimals, without):
    row = quote(*np.array(pairs).T, decimals) | {"scale": "BDI-II"}
    found = check(**{k: v for k, v in row.items() if k not in without})
    assert found.verdict != "impossible", found


@given(st.integers(3, 40), st.integers(0, 2**32 - 1), st.sampled_from((0.01, 1.0, 30.0)))
@settings(max_examples=200, deadline=None)
def test_nor_is_what_models_predict(n, seed, noise):
    generator = np.random.default_rng(seed)
    truth = generator.integers(0, 46, n).astype(float)
    weight, shift = generator.uniform(-1, 1.5), generator.uniform(-10, 10)
    row = quote(truth, weight * truth + shift + noise * generator.normal(size=n), 2)
    assert check(**row, scale="BDI-II").verdict == "possible"


@given(
    *(st.floats(1, 20), st.floats(0.5, 20), st.floats(-0.99, 0.99), st.floats(-20, 20)),
    st.integers(4, 7),
)
@settings(deadline=None)
def test_what_is_implied_holds_the_predictions_sd_and_bias(sd, spread, pcc, bias, decimals):
    assume(abs(pcc) > 0.05)
    truth, prediction = vectors(sd, spread, pcc, bias)
    row = quote(truth, prediction, decimals)
    assume(abs(float(row["ccc"])) > 0.01)
    found = check(**row)
    assert found.verdict == "possible"
    slack = 10.0 ** (4 - decimals)  # the range is found on a grid
    if found.implied.predicted_sd:
        low, high = found.implied.predicted_sd
        assert low - slack <= spread <= high + slack
        assert (
            found.implied.shrinkage[0] - slack <= spread / sd <= found.implied.shrinkage[1] + slack
        )
        low, high = found.implied.bias
        assert low**2 - 10 * slack <= bias**2 <= high**2 + 10 * slack


@given(
    *(st.floats(1, 20), st.floats(0.05, 0.99), st.floats(0.05, 0.98), st.booleans()),
    st.floats(0.02, 0.5),
)
@settings(deadline=None)
def test_the_reach_of_the_rmse_is_not_wider_than_it_is(sd, pcc, share, negative, beyond):
    # By definition c (s² + q² + b²) = 2 r s q. At the ends of the reach the bias is 0, so q
    # solves c q² - 2 r s q + c s² = 0: q = s (r ± √(r² - c²)) / c. Beyond the RMSEs of these two
    # q no predictions have this CCC.
    ccc = share * pcc
    root = np.sqrt(pcc**2 - ccc**2)
    sign = -1 if negative else 1
    ends = []
    for q in (sd * (pcc - root) / ccc, sd * (pcc + root) / ccc):
        found = measure(*vectors(sd, q, sign * pcc, 0.0))
        assert found.ccc == pytest.approx(sign * ccc)
        ends.append(found.rmse)
    quoted = {"pcc": f"{sign * pcc:.9f}", "ccc": f"{sign * ccc:.9f}", "sd": f"{sd:.9f}"}
    outside = (min(ends) * (1 - beyond), max(ends) * (1 + beyond))
    for rmse, expected in (
        *((min(ends), True), (max(ends), True)),
        *((outside[0], False), (outside[1], False)),
    ):
        assert holds(check(rmse=f"{rmse:.9f}", **quoted), "bias² ≥ 0") is expected


def test_a_published_row_and_what_it_implies():
    found = check(rmse="5.68", mae="4.43", pcc="0.92", ccc="0.83", sd="11.48")
    assert found.verdict == "possible"
    # 0.83 * 5.68² / (0.17 * 2 * 0.92 * 11.48) = 7.46; 0.83 ± 0.005 alone: 7.20 to 7.73.
    low, high = found.implied.predicted_sd
    assert low == pytest.approx(7.16, abs=0.05)
    assert high == pytest.approx(7.77, abs=0.05)
    # bias² = 5.68² / 0.17 - 11.48² - 7.46² = 2.3, so 1.5; with the rounding it can be 0.
    assert found.implied.bias[0] == 0
    assert 1.5 < found.implied.bias[1] < 2.5
    assert found.implied.r2 == pytest.approx((0.7546, 0.7558), abs=0.0002)
    assert found.implied.mae_rmse == pytest.approx(0.78, abs=0.005)


def test_mae_above_rmse_is_impossible_and_looks_swapped():
    found = check(rmse="7.58", mae="9.82")
    assert found.verdict == "impossible"
    assert "swapped" in found.checks[0].text
    assert check(rmse="9.82", mae="7.58").verdict == "possible"


@pytest.mark.parametrize(
    ("texts", "verdict"),
    [
        # 5.6 may be 5.649, and 5.64 5.636; 5.6 may be 5.55.
        ({"rmse": "5.58", "mae": "5.6"}, "possible"),
        ({"rmse": "5.6", "mae": "5.64"}, "possible"),
        ({"rmse": "5.60", "mae": "5.64"}, "impossible"),
        # √4 * 2.0 = 4; 2.0 may be 2.05 and 4.1 may be 4.05.
        ({"rmse": "4.1", "mae": "2.0", "n": "4"}, "possible"),
        ({"rmse": "4.2", "mae": "2.0", "n": "4"}, "impossible"),
        # 0.8 may be 0.85, 0.80 no more than 0.805.
        ({"pcc": "0.8", "ccc": "0.84"}, "possible"),
        ({"pcc": "0.80", "ccc": "0.84"}, "impossible"),
        ({"pcc": "-0.4", "ccc": "0.2"}, "impossible"),
        ({"pcc": "0.4", "ccc": "-0.2"}, "impossible"),
        ({"pcc": "0.00", "ccc": "-0.00"}, "possible"),
        # With PCC 0.5 the RMSE is at least s √(1 - 0.25) = 8.66.
        ({"rmse": "8.5", "sd": "10.0", "pcc": "0.50"}, "impossible"),
        ({"rmse": "8.7", "sd": "10.0", "pcc": "0.50"}, "possible"),
        # With a negative PCC, or none, at least s.
        ({"rmse": "9.8", "sd": "10.0", "pcc": "-0.50"}, "impossible"),
        ({"rmse": "9.8", "sd": "10.0", "ccc": "0.000"}, "impossible"),
        ({"rmse": "9.9", "sd": "10.0", "ccc": "0.000"}, "possible"),
        # CCC 0.78 needs (0.22 * 2 / (1 + √(1 - 0.78²)))^½ = 0.52 of the SD: 5.97 or more.
        ({"rmse": "5.56", "sd": "11.48", "ccc": "0.78"}, "impossible"),
        ({"rmse": "5.96", "sd": "11.48", "ccc": "0.78"}, "possible"),
        # And at most (0.22 * 2 / (1 - √(1 - 0.78²)))^½ = 1.08 of it.
        ({"rmse": "13.0", "sd": "11.48", "ccc": "0.78"}, "impossible"),
        # BDI-II: at most 31.5, half at 0 and half at 63; with mean 10, √(10 * 53) = 23.0.
        ({"sd": "31", "scale": "BDI-II"}, "possible"),
        ({"sd": "33", "scale": "BDI-II"}, "impossible"),
        ({"sd": "24.0", "mean": "10.0", "scale": "BDI-II"}, "impossible"),
        ({"sd": "3.0", "mean": "70", "scale": "BDI-II"}, "impossible"),
        ({"pcc": "1.00", "ccc": "1.00", "rmse": "0.00", "sd": "9.1"}, "possible"),
        *(({"pcc": "1.2"}, "impossible"), ({"rmse": "-1"}, "impossible")),
        *(({"rmse": "0"}, "not checked"), ({}, "not checked")),
    ],
)
def test_verdicts(texts, verdict):
    assert check(**texts).verdict == verdict


def test_a_bias_above_the_mae_is_impossible():
    # s 10, q 5, r 0.9, b 8: RMSE² = 100 + 25 - 90 + 64 = 99 and CCC = 90 / 189 = 0.476, so that
    # the bias is about 8, and the mean absolute error cannot be 6.
    row = {"rmse": "9.950", "pcc": "0.900", "ccc": "0.476", "sd": "10.00"}
    assert check(**row, mae="8.200").verdict == "possible"
    assert check(**row, mae="8").verdict == "possible"  # which may be 8.4
    found = check(**row, mae="6.000")
    assert [c.name for c in found.checks if c.holds is False] == ["|bias| ≤ MAE"]


def test_every_check_says_what_it_lacks():
    found = check(rmse="5")
    assert {c.name for c in found.checks} == NAMES
    assert [c.text for c in found.checks] == [
        *("needs MAE", "needs MAE, N", "needs CCC, PCC", "needs SD", "needs MAE, PCC, CCC, SD"),
        "needs SD, scale",
    ]
    assert check(rmse="5", sd="6").checks[3].text == "needs PCC or CCC"


def test_decimals_say_how_far_a_number_was_rounded():
    for text, half in (("5.68", 0.005), ("5.680", 0.0005), ("6", 0.5), (".8", 0.05)):
        found = rounded_to(Decimal(text))
        assert (found.high - found.low) / 2 == pytest.approx(half, rel=1e-4)


@given(st.decimals(-99, 99, places=3))
def test_plain_numbers_are_read_as_they_stand(number):
    assert parse({"rmse": str(number)}).rmse == number


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("rmse", "5,68"), ("rmse", "nan"), ("mae", "inf"), ("ccc", "83%"), ("sd", "1e3")),
        *(("pcc", "0.9 ± 0.1"), ("n", "0"), ("n", "50.0"), ("scale", "BDI"), ("mean", "1_0")),
    ],
)
def test_other_texts_are_refused(column, text):
    with pytest.raises(UsageError, match=f"unknown scale '{text}'|{column}"):
        parse({column: text})


def test_a_csv_of_rows_is_read_and_what_it_lacks_is_filled_in(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,year,rmse,sd,ccc\nours,2024,5.680,,0.78\n,2023,7,9.0,\n")
    rows = read_quoted(path)
    assert [r.name for r in rows] == ["ours", "line 3"]
    assert (rows[0].rmse, rows[0].sd) == (Decimal("5.680"), None)
    filled = [r.filled(parse({"sd": "11.48", "rmse": "1"})) for r in rows]
    assert [(str(r.rmse), str(r.sd)) for r in filled] == [("5.680", "11.48"), ("7", "9.0")]


def test_cells_that_cannot_be_read_are_listed_with_their_lines(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,n\na,5.1,50\nb,about 6,50\nc,7,many\n")
    with pytest.raises(DataError, match=r"line 3: rmse 'about 6' .*line 4: n 'many'"):
        read_quoted(path)
    with pytest.raises(InputError, match=r"cannot be read"):
        read_quoted(tmp_path / "none.csv")


def test_the_columns_are_those_of_a_row():
    assert set(COLUMNS) == {"name", "n", "scale", *NUMBERS}


def run(*words):
    return CliRunner().invoke(app, ["check-numbers", *map(str, words)])


def test_the_verb_says_possible_with_what_follows():
    done = run("--rmse", "5.68", "--mae", "4.43", "--pcc", ".92", "--ccc", ".83", "--sd", "11.48")
    assert done.exit_code == 0
    for said in ("Possible", "5.51 to 9.18", "predicted SD", "0.75 to 0.76"):
        assert said in done.stdout, said


def test_the_verb_exits_with_7_where_a_row_is_impossible(tmp_path):
    done = run("--rmse", "7.58", "--mae", "9.82")
    assert isinstance(done.exception, DataError)
    assert "✗ fails" in done.stdout
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,mae\ngood,5,4\nbad,4,6\nlittle,5,\n")
    done = run(path)
    assert "1 of 3 rows cannot be true: bad" in str(done.exception)
    assert "1 possible, 1 impossible, 1 not checked." in done.stderr


def test_options_alone_decide_nothing_of_a_row(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,mae,mean\nempty,,,\nlittle,5,,\ngood,5,4,\nbeyond,,,70\n")
    done = run(path, "--sd", "11.48", "--scale", "BDI-II", "--json")
    rows = json.loads(done.stdout)["rows"]
    # The SD and the scale are enough for a check, but neither is of the first three rows. The
    # mean of the last is its own, and lies beyond 63.
    assert {row["quoted"]["name"]: row["verdict"] for row in rows} == {
        **{"empty": "not checked", "little": "not checked", "good": "possible"},
        "beyond": "impossible",
    }
    assert "1 of 4 rows cannot be true: beyond" in str(done.exception)
    empty, little = rows[0], rows[1]
    assert {c["holds"] for c in empty["checks"]} == {None}
    assert empty["checks"][-1]["text"] == "the row itself quotes nothing for it"
    assert set(empty["implied"].values()) == {None}
    assert little["implied"]["r2"] is not None  # of its RMSE
    talk = run(path, "--sd", "11.48", "--scale", "BDI-II").stderr
    assert "2 not checked, 1 possible, 1 impossible." in talk


def test_a_row_without_numbers_implies_nothing_of_the_options(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,mae,n\nempty,,,\nten,,,10\n")
    rows = json.loads(run(path, "--rmse", "5", "--mae", "4", "--sd", "9", "--json").stdout)["rows"]
    # The second quotes an N, which the check of the RMSE needs: √10 * 4 = 12.6.
    assert [row["verdict"] for row in rows] == ["not checked", "possible"]
    assert set(rows[0]["implied"].values()) == {None}


def test_a_row_that_quotes_what_the_options_say_is_checked(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,sd\nours,11.48\n")
    (row,) = json.loads(run(path, "--sd", "11.48", "--scale", "BDI-II", "--json").stdout)["rows"]
    assert row["verdict"] == "possible"


def test_options_that_cannot_be_true_are_no_fault_of_the_rows(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse\nours,5\n")
    with pytest.raises(DataError, match=r"the options cannot be true, .* at most 31.50"):
        raise run(path, "--sd", "40", "--scale", "BDI-II").exception


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rmse", "-3"), "RMSE -3 lies outside its range, 0 or more"),
        (("--pcc", "1.2"), "PCC 1.2 lies outside its range, -1 to 1"),
        (("--ccc", "-1.2"), "CCC -1.2 lies outside its range, -1 to 1"),
    ],
)
def test_a_range_is_named(words, said):
    assert said in " ".join(run(*words).stdout.split())


def test_one_row_is_one_row(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,mae\nbad,4,6\n")
    assert "1 of 1 row cannot be true: bad" in str(run(path).exception)


def test_the_verb_as_json(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("name,rmse,mae\nours,5.60,4.2\n")
    (row,) = json.loads(run(path, "--sd", "11", "--json").stdout)["rows"]
    assert row["quoted"] | {"rmse": "5.60", "mae": "4.2", "sd": "11", "n": None} == row["quoted"]
    assert row["verdict"] == "possible"
    assert row["checks"][0] == {
        **{"name": "MAE ≤ RMSE", "holds": True, "text": "MAE 4.2 is not above RMSE 5.60"}
    }


def test_too_little_is_a_usage_error():
    with pytest.raises(UsageError, match="nothing follows"):
        raise run("--rmse", "5").exception
    # The RMSE and the SD make an R².
    assert run("--rmse", "5", "--sd", "10").exit_code == 0
