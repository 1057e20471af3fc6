"""Wrong answers that the checks of lesson 99 must reject."""

WRONG = {
    "99.1": {"sum": 12, "median": 2, "largest": 9.0, "none of these": 7},
    "99.2": {
        "columns": lambda x: x.mean(0),
        "sum": lambda x: x.sum(1),
        "whole table": lambda x: x.mean(),
    },
    "99.3": {"first": 1, "second": 2, "fourth": 4},
    "99.4": {"median": "median", "mode": "mode", "both": "both"},
}
