"""Wrong answers that the checks of lesson 14 must reject."""

from sbert_lessons.exercises.lesson_14 import BUGS, FAULTS, changed, join, share_held


def joined(*faults):
    return lambda claims, records: join(claims, records, faults)


def share(*bugs):
    return lambda records: share_held(records, bugs)


def softened_left_out(records):
    known = records.drop_duplicates().query("verdict != 'not run'")
    return (known["verdict"] == "supported").mean()


WRONG = {
    "14.1": {
        "strictly above": ["undecided", "undecided", "softened", "refuted"],
        "nearly refuted": ["supported", "refuted", "softened", "refuted"],
        "reason overlooked": ["supported", "undecided", "supported", "refuted"],
        "softened below": ["supported", "undecided", "softened", "softened"],
        "other words": ["true", "open", "true", "false"],
    },
    "14.2": {
        **{fault: joined(fault) for fault in FAULTS},
        "two at once": joined("strangers", "drops"),
        "a list": lambda claims, records: [*join(claims, records).items()],
        "another order": lambda claims, records: dict(sorted(join(claims, records).items())[::-1]),
    },
    "14.3": {
        "a count": len(changed(2)),
        "halved": changed(0.5),
        "too many": changed(2) | {"01.A", "02.A", "zero"},
        "too few": sorted(changed(2))[1:],
        "all others": {"00.Z"},
        "verdicts": ["undecided", "undecided", "supported"],
    },
    "14.4": {
        **{bug: share(bug) for bug in BUGS},
        "all three": share("twice", "open", "not run"),
        "not run kept, undecided left out": share("not run", "left out"),
        "softened left out": softened_left_out,
        "a count": lambda records: 4,
    },
}
