"""Sites from several lists, all the way to the tables: sources, UPRNs, and what was rejected or merged."""

from __future__ import annotations

import pandas as pd
import pytest

from needs import outputs, pipeline
from needs.settings import Paths
from tests.test_pipeline import write_town
from tests.town import ORIGIN

COMMON = 'publisher = "p"\nlicence = "CC0-1.0"\ndate = "2026"'
MORE = f"""
[[input]]
id = "england"
table = "sites"
path = "england.csv"
title = "Libraries of England"
national = true
columns = {{ name = "name", postcode = "postcode", uprn = "uprn", site_type = "kind" }}
types = {{ Static = "library", Hub = "family_hub" }}
{COMMON}

[[input]]
id = "postcodes"
table = "postcodes"
path = "postcodes.csv"
title = "Code-Point Open"
crs = "EPSG:27700"
columns = {{ postcode = "pc", x = "e", y = "n" }}
{COMMON}
"""
LISTED = [
    ("West Public Library", "qr1 1aa", 7, "Static"),  # the library of the town's own list, 200 m off
    ("Middle Library", "QR1 1AB", 8, "Static"),
    ("Lost Library", "QR1 1ZZ", 9, "Static"),
    ("Far Library", "OX1 3DW", 10, "Static"),
    ("Neighbour's Library", "QR2 1AA", 11, "Static"),
    ("A bus", "QR1 1AA", 12, "Mobile"),
]
POSTCODES = {"QR11AA": (200, 0), "QR1 1AB": (3000, 300), "QR2 1AA": (0, 4000), "OX1 3DW": (0, 100_000)}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("town")
    raw = folder / "raw"
    raw.mkdir()
    path = write_town(raw)
    path.write_text(path.read_text() + MORE)
    pd.DataFrame(LISTED, columns=["name", "postcode", "uprn", "kind"]).to_csv(raw / "england.csv", index=False)
    rows = [(pc, ORIGIN[0] + x, ORIGIN[1] + y) for pc, (x, y) in POSTCODES.items()]
    pd.DataFrame(rows, columns=["pc", "e", "n"]).to_csv(raw / "postcodes.csv", index=False)
    paths = Paths(raw, folder / "processed", folder / "maps")
    done = pipeline.build(path, paths=paths, until="data")
    return done.folder, list(pipeline.check(path, paths=paths))


def test_sites_say_their_lists_and_their_uprn(built):
    sites = pd.read_csv(built[0] / "sites.csv", dtype=str, keep_default_na=False).set_index("site_id")
    assert sites["sources"].to_dict() == {
        "lib": "sites; england",
        "hall": "sites",
        "school": "sites",
        "england-middle-library": "england",
    }
    assert sites["uprn"].to_dict() == {"lib": "7", "hall": "", "school": "", "england-middle-library": "8"}
    assert sites.loc["lib", ["name", "also", "postcode"]].to_list() == [
        "West Library",
        "West Public Library",
        "QR1 1AA",
    ]
    register = outputs.site_register(sites.reset_index().assign(ours=True, offer="hub", status="open"))
    assert register.set_index("site_id").loc["lib", ["FHS02_postcode", "FHS03_uprn"]].to_list() == ["QR1 1AA", "7"]


def test_rejected_sites_are_listed_and_described(built):
    rejected = pd.read_csv(built[0] / "rejected_sites.csv", keep_default_na=False)
    assert rejected[["source", "row", "name", "postcode", "kept_as"]].to_numpy().tolist() == [
        ["england", "line 4", "Lost Library", "QR1 1ZZ", ""],
        ["england", "line 2", "West Public Library", "QR1 1AA", "lib"],
    ]
    assert "though others of QR1 1 are" in rejected["reason"][0]
    dictionary = pd.read_csv(built[0] / "data_dictionary.csv", keep_default_na=False)
    for file in ("rejected_sites.csv", "sites.csv"):
        assert (dictionary.loc[dictionary["file"] == file, "meaning"] != "").all()


FOUR = (
    "Of 4 sites listed 2 are the council's, 1 are others' within 10 km that offer nothing, and left out, 1 are farther "
    "off, and left out."
)


def test_a_check_tells_the_counts(built):
    notes = [line for line in built[1] if line.startswith("note: ")]
    told = [n.removeprefix("note: Libraries of England: ") for n in notes if "Libraries of England" in n]
    assert told == [
        "1 rows of other kinds are left out: Mobile 1.",
        "No row has the word 'Hub' of 'types': is it spelt as in the file?",
        "1 rows are no site, since they cannot be placed (postcode not known 1); rejected_sites.csv lists them.",
        FOUR,
    ]
    assert any("like names near by 1; rejected_sites.csv lists them" in line for line in built[1])
