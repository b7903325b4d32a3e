"""Open a raw file of any format, alone or inside an archive, as the table that its layout describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from needs.assessment import Input
from needs.schemas import code_pattern
from needs.sources import archives, books, delimited, nomis, tabular, texts, vectors, venues
from needs.sources.layouts import Plan
from needs.sources.tabular import Raw, UnreadableError, words

CSV = (".csv",)
ENDINGS = (*CSV, *books.ENDINGS, *vectors.ENDINGS)
_ANY_CODE = r"^[EW]\d{8}$"


def tables(path: Path, spec: Input, plan: Plan) -> Iterator[Raw]:
    """Read a file's table, or of a zip those of the files asked for, one after another.

    Parameters
    ----------
    path
        CSV (UTF-8, UTF-16 or Windows-1252), a workbook (XLSX, XLS, ODS), Parquet, GeoJSON, GeoPackage or another vector
        file, JSON of the Nomis API; CSV and JSON also gzipped; a zip of such (but no vector file but GeoJSON).
    spec, plan
        The input, and how its file is read.

    Raises
    ------
    UnreadableError
        Saying why, what to do, and which file of an archive is to blame.
    """
    name = path.name.lower()
    if venues.holds(spec):
        yield Raw(venues.read(path), unit="venue")
        return
    if not name.endswith(".zip"):
        if spec.member is not None:
            msg = f"it is no zip archive, and the input names {spec.member!r} in one"
            raise UnreadableError(msg, "remove 'member', or give the archive")
        yield _table(path, name, spec, plan)
        return
    for inside, content in archives.members(path, plan.member, ENDINGS):
        try:
            raw = _table(content, inside.lower(), spec, plan)
        except UnreadableError as error:
            msg = f"{inside!r} in it: {error}"
            raise UnreadableError(msg, error.fix) from error
        raw.member = inside
        yield raw


def _table(source: Path | bytes, name: str, spec: Input, plan: Plan) -> Raw:
    name = name.removesuffix(".gz")
    nomis_json = plan.reader == "nomis" and name.endswith(".json")
    if not name.endswith(ENDINGS):
        msg = f"{Path(name).suffix or 'no ending'} is not a format that is read"
        raise UnreadableError(msg, "save it as CSV, XLSX, Parquet, GeoJSON or GeoPackage")
    packed = isinstance(source, Path) and source.name.lower().endswith(".gz")
    if name.endswith(vectors.ENDINGS) and not nomis_json and not packed:
        if isinstance(source, bytes) and not name.endswith((*vectors.JSON, *vectors.PARQUET)):
            msg = f"{Path(name).suffix} is not read inside an archive"
            raise UnreadableError(msg, "unpack it, and give the file itself")
        return Raw(vectors.records(source, name, spec.layer), unit="record")
    content = archives.read(source) if isinstance(source, Path) else source
    texts.refuse_no_data(content)
    if nomis_json:
        return nomis.read_json(content, spec, plan)
    if name.endswith(vectors.ENDINGS):
        return Raw(vectors.records(content, name, spec.layer), unit="record")
    return _rows(content, name, spec, plan)


def _rows(content: bytes, name: str, spec: Input, plan: Plan) -> Raw:
    wanted = plan.wanted()
    pattern = code_pattern(spec.vintage or "") or _ANY_CODE
    by_code = plan.reader in {"by_code", "nomis"}
    find = tabular.code_score(pattern) if by_code else tabular.heading_score(wanted)
    if name.endswith(CSV):
        texts.refuse_no_text(content)
        text = texts.decode(content, plan.encoding)
        if not by_code:
            needed = delimited.ALL
            if plan.reader == "wide":
                where = {plan.words_for(heading): values for heading, values in plan.where.items()}
                needed = delimited.Needed({words(w) for options in wanted for w in options}, where)
            if plan.headings:
                return Raw(delimited.without_headings(text, plan.headings, needed))
            return Raw(delimited.under_headings(text, wanted, find, plan.rows_above, needed))
        rows = delimited.rows(text, find)
    else:
        rows = books.rows(content, sheet=spec.sheet, hint=plan.sheet, find=find)
    if plan.reader == "nomis":
        return nomis.read_csv(rows, spec, plan)
    if by_code:
        return Raw(tabular.around_codes(rows, pattern)[0])
    if plan.headings:
        return Raw(tabular.by_position(rows, plan.headings))
    return Raw(tabular.under_headings(rows, wanted, plan.rows_above))
