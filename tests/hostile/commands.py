"""Commands misused, folders that are none, and bundles that are broken or mean harm."""

from __future__ import annotations

import hashlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.hostile.harness import BUILD, Case, Ground, named
from tests.zips import zipped

UNPACK = ("data", "--from", "{raw}/in.zip", "--raw", "{raw}")
FIX = "do not use this bundle"
MAKE = "needs data AREA --bundle FILE"


def instead(*changes: tuple[str, str]) -> tuple[str, ...]:
    """Put other words into the command that builds."""
    return tuple(dict(changes).get(part, part) for part in BUILD)


def command(
    name: str, argv: tuple[str, ...], *says: str, code: int = 2, breaks: Callable[[Ground], object] = lambda g: None
) -> Case:
    return Case(name, breaks, says, code, argv)


def misused(name: str, argv: tuple[str, ...], *says: str) -> Case:
    return Case(name, lambda g: None, says, 2, argv, usage=True)


def manifest(members: dict[str, bytes], **changed: Any) -> bytes:
    """Write the manifest of a bundle, with some of it changed."""
    listed = [{"path": n, "bytes": len(b), "sha256": hashlib.sha256(b).hexdigest()} for n, b in members.items()]
    return json.dumps({"format": 1, "area": "Mudport", "files": listed, **changed}).encode()


def bundle(
    name: str, make: Callable[[dict[str, bytes]], bytes], *says: str, code: int = 2, place: str = "in.zip"
) -> Case:
    """Unpack a bundle made of two files."""
    held = {"areas/a.csv": b"a,b\n1,2\n", "b.csv": b"c\n3\n"}
    return Case(f"bundle: {name}", lambda g: g.write("in.zip", make(held)), (place, *says), code, UNPACK)


def whole(members: dict[str, bytes], more: dict[str, bytes] | None = None, **changed: Any) -> bytes:
    return zipped({"manifest.json": manifest(members, **changed), **members, **(more or {})})


def renamed(name: str) -> Callable[[dict[str, bytes]], bytes]:
    """Give one file a name that leads elsewhere."""
    return lambda held: whole({name: held["b.csv"]})


def linked(held: dict[str, bytes]) -> bytes:
    """Let one entry be a symbolic link."""
    path = Path("/nowhere")
    entry = zipfile.ZipInfo("b.csv")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return with_entry(held, entry, str(path).encode())


def with_entry(held: dict[str, bytes], entry: zipfile.ZipInfo, content: bytes) -> bytes:
    import io

    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("manifest.json", manifest({entry.filename: content}))
        archive.writestr(entry, content)
    return out.getvalue()


def bomb(held: dict[str, bytes]) -> bytes:
    """Claim more than any disk has."""
    files = [{"path": "b.csv", "bytes": 2**60, "sha256": "0" * 64}]
    return zipped({"manifest.json": json.dumps({"format": 1, "area": "x", "files": files}), "b.csv": b"x"})


def damaged(held: dict[str, bytes]) -> bytes:
    return (
        whole({**held}).replace(held["b.csv"], b"d\n4\n")
        if held["b.csv"] in whole(held)
        else zipped({"manifest.json": manifest(held), **held, "b.csv": b"d\n4\n"})
    )


def outside(ground: Ground) -> None:
    """Let a folder of the raw files be a link to another place."""
    held = {"areas/a.csv": b"x\n"}
    ground.write("in.zip", whole(held))
    (ground.raw / "areas").symlink_to(ground.raw.parent, target_is_directory=True)


def there(ground: Ground) -> None:
    """Have another file where the bundle's goes."""
    ground.write("in.zip", whole({"births.csv": b"x\n"}))


MISUSE = named(
    "command",
    misused("unknown stage", instead(("data", "all")), "--until", "'all' is not one of", "'map'"),
    misused("unknown command", ("assess", "Rutland"), "No such command", "assess"),
    misused("unknown option", (*BUILD, "--fast"), "No such option", "--fast"),
    misused("no area", ("build",), "Missing argument 'area'"),
    misused("two areas", ("build", "Rutland", "Halton"), "unexpected extra argument", "Halton"),
    misused("nothing behind an option", ("build", "Rutland", "--raw"), "--raw", "requires an argument"),
    command("raw files in no folder", instead(("{raw}", "{raw}/nowhere")), "raw files: there is no folder", "--raw", code=3),
    command("raw files in a file", instead(("{raw}", "{raw}/births.csv")), "raw files: there is no folder", "births.csv", code=3),
    command("raw files in a name too long", instead(("{raw}", "{raw}/" + "a" * 5000)), "cannot be read or written: File name too long", "--raw"),
    command("tables in a file", instead(("{processed}", "{raw}/births.csv")), "births.csv", "Not a directory", "name another folder", breaks=lambda g: g.edit("mudport.toml", "draws = 10", "draws = 11")),
    command("data of no area", ("data", "--raw", "{raw}"), "which area is not said", "needs data Rutland"),
    command("a bundle that is not there", UNPACK, "in.zip", "there is no such file", "give the path of a bundle", code=3),
    command("update without a network", ("data", "{toml}", "--raw", "{raw}", "--update", "--offline"), "--update", "--offline", "leave one of them out"),
    command("explain before it is built", ("explain", "Rutland", "E01013788", "--processed", "{processed}"), "rutland", "holds no plan", "build the area first", code=3),
    command("explain an area that is none", ("explain", "Atlantis", "x", "--processed", "{processed}"), "Atlantis", "is no English council"),
    command("explain a path", ("explain", "../../etc", "x", "--processed", "{processed}"), "is no English council"),
    command("compare with itself", ("compare", "{toml}", "{toml}", "--raw", "{raw}", "--processed", "{processed}", "--maps", "{maps}"), "have the same name", "name one of the files otherwise"),
    command("compare with nothing", ("compare", "{toml}", "{raw}/other.toml", "--raw", "{raw}", "--processed", "{processed}", "--maps", "{maps}"), "other.toml", "there is no such file"),
    command("compare two councils", ("compare", "{toml}", "{raw}/other.toml", "--raw", "{raw}", "--processed", "{processed}", "--maps", "{maps}"), "->", breaks=lambda g: g.write("other.toml", g.toml.read_text().replace("E06900077", "E06000017")), code=2),
    command("draft where a file is", ("init", "Rutland", "--to", "{toml}", "--raw", "{raw}"), "mudport.toml", "is there already", "give another path with --to"),
    command("draft into a file", ("init", "Rutland", "--to", "{toml}/x.toml", "--raw", "{raw}"), "mudport.toml", "cannot be written: File exists", "name another folder"),
    command("draft of nothing", ("init", "Atlantis", "--raw", "{raw}"), "is no English council"),
    command("check without files", ("check", "Rutland", "--raw", "{raw}"), "is not in", "fetch it with `needs data`", code=3),
    command("check of a broken table", ("check", "{toml}", "--raw", "{raw}"), "births.csv (input 'births'), line 2", "must be a number", breaks=lambda g: g.edit("births.csv", ",20,", ",many,")),
    command("a bundle of a file that is changed", ("data", "{toml}", "--raw", "{raw}", "--offline", "--bundle", "{raw}/out.zip"), "births.csv", "is not what its twin says", "fetch it anew, or delete the twin", breaks=lambda g: g.write("births.csv.toml", twin())),
    command("a bundle of a file outside", ("data", "{toml}", "--raw", "{raw}", "--offline", "--bundle", "{raw}/out.zip"), "births.csv", "lies outside", "copy it into the folder", breaks=lambda g: (g.path("births.csv").rename(g.processed.parent / "b.csv"), g.path("births.csv").symlink_to(g.processed.parent / "b.csv"))),
    command("a bundle into a file", ("data", "{toml}", "--raw", "{raw}", "--offline", "--bundle", "{toml}/out.zip"), "out.zip", "cannot be written", "give another path"),
    command("listing with a file missing", ("data", "{toml}", "--raw", "{raw}", "--offline"), "mudport.toml", "files are missing", "fetch them", code=3, breaks=lambda g: g.path("births.csv").unlink()),
)  # fmt: skip


def twin() -> str:
    from tests.hostile.files import twin as write

    return write()


BUNDLES = named(
    "unpack",
    bundle("empty", lambda h: b"", "cannot be read as a bundle", "copy it again"),
    bundle("half", lambda h: whole(h)[:-40], "cannot be read as a bundle", MAKE),
    bundle("noise", lambda h: bytes(range(256)), "cannot be read as a bundle"),
    bundle("another zip", lambda h: zipped(dict(h)), "is no bundle: its manifest is missing or broken", MAKE),
    bundle("a manifest that is no JSON", lambda h: zipped({"manifest.json": b"{", **h}), "is no bundle: its manifest is missing or broken"),
    bundle("a manifest nested too deep", lambda h: zipped({"manifest.json": b"[" * 100_000, **h}), "is no bundle: its manifest is missing or broken"),
    bundle("a manifest that is a list", lambda h: zipped({"manifest.json": b"[]", **h}), "is no bundle: its manifest is missing or broken"),
    bundle("a manifest of words", lambda h: whole(h, files=["b.csv"]), "is no bundle: its manifest is missing or broken"),
    bundle("a manifest in Latin-1", lambda h: zipped({"manifest.json": '{"é": 1}'.encode("latin-1"), **h}), "is no bundle: its manifest is missing or broken"),
    bundle("sizes below 0", lambda h: whole(h, files=[{"path": "b.csv", "bytes": -5, "sha256": "0" * 64}]), "->"),
    bundle("sizes without end", lambda h: zipped({"manifest.json": b'{"format": 1, "files": [{"path": "b.csv", "bytes": Infinity, "sha256": ""}]}', **h}), "is no bundle: its manifest is missing or broken"),
    bundle("of another format", lambda h: whole(h, format=99), "is a bundle of format 99, not 1", "use the same version"),
    bundle("a file too many", lambda h: whole(h, {"evil.csv": b"x"}), "holds 'evil.csv', which its manifest does not list once", FIX),
    bundle("a file too few", lambda h: zipped({"manifest.json": manifest(h), "b.csv": h["b.csv"]}), "lacks 'areas/a.csv', which its manifest lists"),
    bundle("another content", damaged, "'b.csv' is damaged", "copy the bundle again"),
    bundle("another size", lambda h: zipped({"manifest.json": manifest(h), **h, "b.csv": b"longer\n"}), "'b.csv' is not of the size that the manifest says", FIX),
    bundle("more than any disk has", bomb, "is not of the size that the manifest says"),
    *(bundle(f"a name {what}", renamed(name), why, FIX) for what, name, why in (
        ("that leads out", "../evil.csv", "leads out of the folder"), ("that leads out and back", "a/../../evil.csv", "leads out of the folder"),
        ("from the root", "/etc/evil.csv", "is not a path inside a folder"), ("of a drive", "C:/evil.csv", "is not a path inside a folder"),
        ("with backslashes", "a\\..\\evil.csv", "is not a path inside a folder"), ("of a device", "a/con.csv", "is no file name on some machines"),
        ("that steers a terminal", "a\x1b[31m.csv", "holds control characters"), ("of a folder", "a/", "is no file"),
        ("with a point at its end", "a/b.", "is no file name on some machines"),
    )),
    bundle("a link", linked, "'b.csv' is a link or no plain file", FIX),
    Case("bundle: through a link that leads out", outside, ("areas/a.csv", "leads out of the folder by a link", "remove the link"), 2, UNPACK),
    Case("bundle: over another file", there, ("births.csv", "is there and is not what in.zip holds", "move it away"), 2, UNPACK),
    Case("bundle: a folder", lambda g: g.path("in.zip").mkdir(), ("in.zip", "there is no such file"), 3, UNPACK),
    Case("bundle: raw files in a file", lambda g: g.write("in.zip", whole({"b.csv": b"x"})), ("births.csv", "cannot be written", "--raw"), 2, ("data", "--from", "{raw}/in.zip", "--raw", "{raw}/births.csv")),
)  # fmt: skip

CASES = {**MISUSE, **BUNDLES}
