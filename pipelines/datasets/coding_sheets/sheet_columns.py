"""Columns of the coding sheets of all corpora, by which a sheet of another corpus is recognised."""

CASME2 = (
    "Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Action Units", "Estimated Emotion",
)  # fmt: skip
SAMM = (
    "Subject", "Filename", "Onset Frame", "Apex Frame", "Offset Frame", "Action Units", "Estimated Emotion",
)  # fmt: skip
SAMM_LONG = ("Subject", "Filename", "Onset", "Apex", "Offset", "Type", "Action Units")
SMIC = ("Subject", "Filename", "OnsetF", "OffsetF", "Onset2F", "Offset2F", "Emotion")
CASME3 = ("Subject", "Filename", "Onset", "Apex", "Offset", "AU", "Objective class", "emotion")
DFME = ("Subject", "Filename", "OnsetFrame", "ApexFrame", "OffsetFrame", "Emotion", "Fps", "AU")
FOURDME = ("sub_ID", "fold_name", "Onset", "Apex", "Offset", "AUs", "Emotion")
#: MMEW's are those of CASME II, and `remarks`; without a header, CAS(ME)^2 has none.
MMEW = (*CASME2, "remarks")

_TITLES = {
    "CAS(ME)^3": CASME3,
    "DFME": DFME,
    "4DME": FOURDME,
    "SAMM Long Videos": SAMM_LONG,
    "SMIC": SMIC,
    "SAMM": SAMM,
    "MMEW": MMEW,
    "CASME II": CASME2,
}


def plain(name: object) -> str:
    """Return a column's name to compare by: capitals and blanks do not matter."""
    return "".join(str(name).lower().split())


def recognised(names: set[str]) -> str | None:
    """Return the title of the corpus that has all its columns among these plain names, or None.

    >>> recognised({plain(name) for name in DFME})
    'DFME'
    """
    return next((title for title, columns in _TITLES.items() if {*map(plain, columns)} <= names), None)
