"""Write workbooks as other programs do: OpenDocument, and the Excel of 1997 (BIFF8 in a compound file)."""

from __future__ import annotations

import datetime as dt
import io
import struct
import zipfile
from html import escape

ODS = "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text", "style")
)
Rows = list[list[object]]


def ods(sheets: dict[str, Rows | str], *, hidden: tuple[str, ...] = ()) -> bytes:
    """Write an OpenDocument spreadsheet; a sheet may be given as the XML of its rows."""
    styles = (
        '<style:style style:name="h" style:family="table"><style:table-properties table:display="false"/></style:style>'
    )
    tables = ""
    for name, rows in sheets.items():
        style = ' table:style-name="h"' if name in hidden else ""
        inside = rows if isinstance(rows, str) else "".join(map(ods_row, rows))
        tables += f'<table:table table:name="{escape(name)}"{style}>{inside}</table:table>'
    head = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {_SPACES}>'
    content = f"{head}<office:automatic-styles>{styles}</office:automatic-styles><office:body><office:spreadsheet>"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", ODS, zipfile.ZIP_STORED)
        archive.writestr("META-INF/manifest.xml", "<manifest/>")
        archive.writestr(
            "content.xml", f"{content}{tables}</office:spreadsheet></office:body></office:document-content>"
        )
    return out.getvalue()


def ods_row(cells: list[object], more: str = "") -> str:
    return f"<table:table-row{more}>{''.join(map(ods_cell, cells))}</table:table-row>"


def ods_cell(value: object, more: str = "") -> str:
    if value is None:
        return f"<table:table-cell{more}/>"
    if isinstance(value, bool):
        kind, shown = f'office:value-type="boolean" office:boolean-value="{str(value).lower()}"', str(value).upper()
    elif isinstance(value, int | float):
        kind, shown = f'office:value-type="float" office:value="{value}"', f"{value:,}"
    elif isinstance(value, dt.date):
        kind, shown = f'office:value-type="date" office:date-value="{value.isoformat()}"', str(value)
    else:
        kind, shown = 'office:value-type="string"', escape(str(value))
    return f"<table:table-cell {kind}{more}><text:p>{shown}</text:p></table:table-cell>"


def xls(sheets: dict[str, Rows]) -> bytes:
    """Write a workbook of Excel 97: a stream of records ([MS-XLS]) in a compound file ([MS-CFB])."""
    head = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0005, 0, 0, 0, 6))
    ends = _record(0x000A, b"")
    bodies = [_sheet(rows) for rows in sheets.values()]
    names = [n.encode("latin-1") for n in sheets]
    at = len(head) + sum(4 + 8 + len(n) for n in names) + len(ends)
    stream = head
    for name, body in zip(names, bodies, strict=True):
        stream += _record(0x0085, struct.pack("<IBBBB", at, 0, 0, len(name), 0) + name)
        at += len(body)
    return _compound(stream + ends + b"".join(bodies))


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _sheet(rows: Rows) -> bytes:
    body = _record(0x0809, struct.pack("<HHHHII", 0x0600, 0x0010, 0, 0, 0, 6))
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            if isinstance(value, bool):
                body += _record(0x0205, struct.pack("<HHHBB", i, j, 0, value, 0))
            elif isinstance(value, int | float):
                body += _record(0x0203, struct.pack("<HHHd", i, j, 0, value))
            elif value is not None:
                text = str(value).encode("utf-16-le")
                body += _record(0x0204, struct.pack("<HHHHB", i, j, 0, len(text) // 2, 1) + text)
    return body + _record(0x000A, b"")


def _compound(stream: bytes) -> bytes:
    sector = 512
    stream = stream.ljust(max(4096, -(-len(stream) // sector) * sector), b"\x00")  # shorter ones go elsewhere
    count = len(stream) // sector
    table = [0xFFFFFFFD, 0xFFFFFFFE, *range(3, 2 + count), 0xFFFFFFFE]  # table, directory, the stream's chain
    if len(table) > sector // 4:
        raise ValueError("too large for one sector of table")
    fat = b"".join(struct.pack("<I", n) for n in table).ljust(sector, b"\xff")

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        text = (name.encode("utf-16-le") + b"\x00\x00") if name else b""
        links = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, child)
        return (
            text.ljust(64, b"\x00")
            + struct.pack("<HBB", len(text), kind, 1)
            + links
            + bytes(36)
            + struct.pack("<IQ", start, size)
        )

    folder = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry("Workbook", 2, 0xFFFFFFFF, 2, len(stream))
    folder += entry("", 0, 0xFFFFFFFF, 0, 0) * 2
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)
    head += struct.pack("<I", 0) + b"\xff" * (sector - len(head) - 4)
    return head + fat + folder + stream
