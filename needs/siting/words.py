"""Say numbers of families and sites in plain English."""

A = {"hub": "a hub", "outreach": "an outreach site"}


def count(number: float, word: str = "") -> str:
    """Say a number of things, singular or plural; small numbers to a tenth."""
    said = (
        "fewer than 0.1"
        if 0 < number < 0.05
        else f"{number:,.0f}"
        if number >= 9.95
        else f"{number:.1f}".removesuffix(".0")
    )
    if not word:
        return said
    plural = word[:-1] + "ies" if word.endswith("y") else word + "s"
    return f"{said} {word if said == '1' else plural}"


def share(part: float, whole: float) -> str:
    """Say a share in per cent."""
    return f"{100 * part / whole:.0f} %"
