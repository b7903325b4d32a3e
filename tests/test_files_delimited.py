"""Reading CSV: the quick way gives what the plain way gives, what is written comes back, and faults name the line."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from needs.errors import Faults
from needs.sources import cells, delimited, files, tabular, texts
from needs.sources.delimited import Needed
from needs.sources.tabular import UnreadableError

WANTED = [("code",), ("n", "number")]
FIND = tabular.heading_score(WANTED)


def slow(text: str) -> pd.DataFrame:
    return tabular.under_headings(delimited.rows(text, FIND), WANTED)


def quick(text: str, needed: Needed = delimited.ALL) -> pd.DataFrame:
    return delimited.under_headings(text, WANTED, FIND, needed=needed)


def cells_of(frame: pd.DataFrame) -> dict[int, list[object]]:
    assert all(c is None or isinstance(c, str) for column in frame.to_numpy().tolist() for c in column)
    return {int(i): list(row) for i, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)}


def both(text: str) -> tuple[object, object]:
    """What either way gives: the table, or the fault."""
    found = []
    for way in (slow, quick):
        try:
            frame = way(text)
        except UnreadableError as error:
            found.append((str(error), error.fix))
        else:
            found.append((list(frame.columns), cells_of(frame)))
    return found[0], found[1]


@pytest.fixture
def plain_only(monkeypatch):
    """Fail where the quick way is not taken."""
    monkeypatch.setattr(delimited, "_split", lambda *_: pytest.fail("not read the quick way"))


@pytest.mark.parametrize(
    "text",
    [
        "code,n\na,1\nb,2\n",
        "code,n\r\na,1\r\nb,2",
        'code,n\n"a, b",1\n"","2"\n',
        "title\n\ncode;n;\na;1;\nb;;\n",
        'a "title"\n"of two\nlines"\ncode\tn\na\t1\n',
        "x,\ncode,n\na,1\n,\nb,\n",
    ],
)
def test_plain_files_are_read_the_quick_way(plain_only, text):
    assert len(quick(text)) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "code,n\na,1\n\nb,2\n", "code,n\na,1,\nb,2,x\n", "code,n\na\nb,2\n", "code,n\na,1\n\n\nNotes\n", "", "code",
        "code,n\ra,1\rb,2\r", 'code,n\n"a\nb",1\n', 'code,n\n"a""b",1\n', 'code,n\na"b",1\n', 'code,n\n"a"b,1\n',
        'code,n\n"a,1\n', 'code,n\n a ,"1" \n', "code,n,\na,1,\nb,2, \n", "code,n,\na,1,\nb,2,x\n", ",,\n,,\n",
        "code,n\n \t,\u2003\na,1\n", "code,n\r\na,1\nb,2\r\n", 'code,n\na,"1"\r\nb,"2"\r\n', "code,n\na,1\rb,2\n",
        "code,n\n", "number,code\n1,a\n", "code,n\n\x1c,\x1f\n", "\ncode,n\na,1", "code,\n,n\na,1\n",
    ],
)  # fmt: skip
def test_odd_files_come_out_alike_either_way(text):
    assert both(text)[0] == both(text)[1]


ODD = st.text(st.sampled_from('ab1,;\t"\r\n \u2003é\x1c'), max_size=40)


@settings(max_examples=600)
@given(ODD, st.sampled_from(["", "code,n\n", "t\ncode;n\r\n", '"code",n,\n', "number\tcode\n"]))
def test_any_text_comes_out_alike_either_way(body, head):
    plain, fast = both(head + body)
    assert plain == fast


@settings(max_examples=100)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b b", " a", "1", ""]), min_size=3, max_size=3), min_size=1, max_size=8),
    st.lists(st.sampled_from(["a", "b b", ""]), min_size=1, max_size=2, unique=True),
    st.sampled_from(["code", "n", "m"]),
)
def test_rows_and_columns_that_are_not_needed_are_the_only_ones_left_out(rows, values, by):
    text = "\n".join(",".join(r) for r in [["code", "n", "m"], *rows])
    whole = quick(text)
    part = quick(text, Needed({"code", "n"}, {("x", by): values}))
    kept = whole[whole[by].map(lambda v: tabular.words(v) in values).astype(bool)]
    assert list(part.columns) == ["code", "n", "m"]
    assert cells_of(part[["code", "n"]]) == cells_of(kept[["code", "n"]])


def test_a_heading_that_stands_twice_chooses_no_rows():
    part = quick("code,n,n\na,1,2\n", Needed(None, {("n",): ["9"]}))
    assert len(part) == 1


# --- whatever is written comes back ---

TEXT = st.text(
    st.characters(codec="cp1252", exclude_characters="\x00\ufeff", exclude_categories=("Cc", "Cs")), max_size=6
)
TABLES = st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=6)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
HEADS = ["code", "number", "a name"]


def written(rows: list[list[str]], delimiter: str, end: str, quoting: int) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows([HEADS, *rows])
    return out.getvalue()


@settings(max_examples=400)
@given(
    TABLES,
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    st.sampled_from(ENCODINGS),
)
def test_what_was_written_is_what_is_read(rows, delimiter, end, quoting, encoding):
    text = written(rows, delimiter, end, quoting)
    content = text.encode(encoding)
    assume(encoding != "cp1252" or content.decode("utf-8", errors="windows_1252") == text)  # else it is UTF-8 as well
    found = quick(texts.decode(content, None))
    assert list(found.columns) == HEADS
    filled = [r for r in rows if any(c and not c.isspace() for c in r)]
    assert list(cells_of(found).values()) == [[c or None for c in r] for r in filled]


@settings(max_examples=100)
@given(st.lists(st.sampled_from(["é", "ß", "–", "x", "€"]), min_size=1, max_size=20), st.randoms(use_true_random=False))
def test_a_file_that_programs_of_two_encodings_wrote_comes_out_right(letters, order):
    parts = [(f"<{c}>", order.choice(["utf-8", "cp1252"])) for c in letters]
    assert texts.decode(b"".join(t.encode(e) for t, e in parts), None) == "".join(t for t, _ in parts)


def test_a_mark_goes_before_the_encoding_that_a_layout_says():
    assert texts.decode("\ufeffURN,é".encode("utf-8"), "cp1252") == "URN,é"
    assert texts.decode("URN,é".encode("cp1252"), "cp1252") == "URN,é"
    assert texts.decode("URN,é".encode("utf-16"), "cp1252") == "URN,é"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"code,n\na,\x81\n", "line 2 holds byte 0x81, which is no character of UTF-8 or Windows-1252"),
        (b"code,n\na,1\nb\x00,2\n", "it is not text: line 3 holds a zero byte"),
        (b"\xff\xfec\x00o\x00d", "is no character of utf-16"),
    ],
)
def test_what_is_no_text_is_told_with_its_line(content, words):
    with pytest.raises(UnreadableError, match=re.escape(words)):
        texts.decode(content, None)


@pytest.mark.parametrize("content", [b"", b"\x00", b"\x00\x01", b"ab\x00\x00\x00\x00\x00\x00", b"a\x00\x00b" * 9])
def test_zeros_alone_make_no_utf_16(content):
    assert texts._without_mark(content) is None


# --- headings by position ---


def positions(text: str) -> dict[int, list[object]]:
    return cells_of(delimited.without_headings(text, ["code", "", "n"]))


def test_columns_are_named_by_their_place():
    assert positions('"a",x,1\r\n"b",,2\r\n') == {1: ["a", "x", "1"], 2: ["b", None, "2"]}
    assert positions("a;x;1\n\n;;\nb;y;2\n") == {1: ["a", "x", "1"], 4: ["b", "y", "2"]}
    assert positions(",,\n") == positions("") == {}
    assert positions('a\t"x\n\ny"\t1\nb\ty\t2') == {1: ["a", "x\n\ny", "1"], 4: ["b", "y", "2"]}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,x,1\nb,2\n", "others are line 2 (2)"),
        ("a,x,1,\n", "others are line 1 (4)"),
        ("a,x\nb,x\nc,x\nd,x\n", "others are line 1 (2), line 2 (2), line 3 (2) and 1 more"),
    ],
)
def test_every_row_must_be_as_wide_as_the_headings_by_place(text, told):
    with pytest.raises(UnreadableError, match=re.escape(told)):
        positions(text)


# --- faults of a whole file ---


@pytest.fixture
def read(tmp_path, make_input):
    def read_content(content: bytes | str, **fields):
        path = tmp_path / "d.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        faults = Faults()
        columns = {"lsoa21cd": "code", "n": "n"}
        spec = make_input(table="indicators", path="d.csv", **{"columns": columns, **fields})
        return files.read_table(spec, path, faults), [str(f) for f in faults.found]

    return read_content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('code,n\nE01000001,"5\nE01000002,6\n', "line 2: a quote is opened and never closed -> close the quote"),
        ('code,n\nE01000001,5\nE01000002,"6"x\n', "line 3: text follows a closing quote -> close the quote"),
        ('"a\nb",\n' + 'code,n\nE01000001,"5"5\n', "line 4: text follows a closing quote"),
        ("code,n\nE01000001," + '"' + "x" * 200_000, "line 2: a cell is longer than 131,072 characters"),
        ("code,n\nE01000001,5," * 3, "the headings are"),
        ("%PDF-1.7 code,n", "it is a PDF, not a table -> download the table"),
        ("PAR1code,n\n", "it is Parquet, not text -> give it the ending .parquet"),
        ('[{"code": "E01000001", "n": 5}]', "it holds JSON, not a table: it begins"),
        ('{"type": "FeatureCollection", "features": []}', "it holds JSON, not a table"),
        ('<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>', "it holds XML, not a table: it begins"),
        ("<!-- comment --><html>", "it holds a web page"),
        ('{"error": {"code": 400, "message": "Bad query", "details": ["x", ""]}}', "service: 400 Bad query x ->"),
        ('{"error": {}, "n": 1}', "it holds JSON"),
        ("code,n\n", "has no rows"),
        ("code,n,code\nE01000001,5,E01000001\n", "heading 'code' stands over 2 columns"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_one_clear_fault(read, content, words):
    table, faults = read(content)
    assert table is None
    assert len(faults) == 1
    assert words in faults[0]


def test_a_line_of_ten_megabytes(read):
    wide = ",".join(f"c{i}" for i in range(16_000))
    table, faults = read(f"code,n,{wide}\nE01000001,5,{','.join('x' * 640 for _ in range(16_000))}\n")
    assert faults == []
    assert table["n"].tolist() == [5]


def test_codes_are_trimmed_and_get_their_capital(read):
    table, faults = read("code,n\n e01000001 ,5\nE01000002\xa0,6\n")
    assert faults == []
    assert table["lsoa21cd"].tolist() == ["E01000001", "E01000002"]


def test_a_protected_table_does_not_get_out_by_how_it_begins(read):
    rule = {"below": 5, "round_to": 5}
    for content in ('[{"code": "E01000001", "n": 3}]', "no codes\n3,4\n"):
        table, faults = read(content, disclosure=rule)
        assert table is None
        assert "3" not in re.sub(r"line \d+", "", faults[0]).replace("E01000001", "")


# --- numbers ---

NUMBERS = st.one_of(
    st.text("0123456789+-.,eE \u00a0\u202f%£*c[]()", max_size=9),
    st.integers(-(10**12), 10**12).map(lambda n: f"{n:,}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["1,234", "1\u00a0234", "1,23", "0x10", "1_000", "nan", "inf", "1e999", "٣", " 7 ", "..", "[c]"]),
)  # fmt: skip


def plain_number(text: str, marks: set[str]) -> float | str | None:
    """A second implementation: the number, None where there is none, or "bad"."""
    text = text.strip()
    if not text or text.casefold() in marks:
        return None
    for mark in ",\u00a0\u202f\u2009":
        groups = text.lstrip("+-").partition(".")[0].split(mark)
        if text[:1] in "+-" and text[1:2] in ("+", "-"):
            break
        whole = len(groups) > 1 and all(g.isascii() and g.isdigit() for g in groups)
        if whole and 1 <= len(groups[0]) <= 3 and all(len(g) == 3 for g in groups[1:]):
            head, dot, tail = text.partition(".")
            if dot and not tail:  # "1,234." is not how a number is written
                return "bad"
            text = head.replace(mark, "") + dot + tail
            break
    if not set(text) <= set("0123456789+-.eE"):
        return "bad"
    try:
        number = float(text)
    except ValueError:
        return "bad"
    return number if abs(number) != float("inf") else "bad"


@settings(max_examples=300)
@given(st.lists(NUMBERS, min_size=1, max_size=5), st.booleans())
def test_numbers_are_those_of_a_second_implementation(values, marks):
    known = {"*", "[c]", ".."} if marks else set()
    faults, marked = Faults(), cells.Marked()
    place = cells.Place("f", lambda i: f"line {i}", faults)
    found = cells.numbers(pd.Series(values, dtype=object), "n", marks=known, marked=marked, place=place)
    expected = [plain_number(v, known) for v in values]
    for got, want in zip(found, expected, strict=True):
        if want is None:
            assert pd.isna(got)
        else:
            assert got == (0.0 if want == "bad" else want)
    assert len(faults.found) == expected.count("bad")
    assert sum(sum(m.values()) for m in marked.counts.values()) == sum(v.strip().casefold() in known for v in values)


@pytest.mark.parametrize(
    ("cell", "hint"),
    [
        ("12%", "take the % away"), ("£5", "take the sign of the currency away"), ("1,5", "if it is a decimal comma"),
        ("-£5", "take the sign of the currency away"), ("5 €", "take the sign of the currency away"),
        ("1 234", "take the space inside"), ("(12)", "write a minus where the brackets are"),
        ("2024-01-02", "it is a date"), ("01/02/2024", "it is a date"),
        ("[c]", 'marks = ["[c]"]'), ("..", 'marks = [".."]'), ("n/a", 'marks = ["n/a"]'),
    ],
)  # fmt: skip
def test_what_a_cell_may_be_that_is_no_number_is_said(read, cell, hint):
    _, faults = read(f'code,n\nE01000001,"{cell}"\n')
    assert len(faults) == 1
    assert f"line 2: 'n' is {cell!r}: must be a number -> correct it" in faults[0]
    assert hint in faults[0]
