"""What the two reports say of the palindromes, digitised from their figures."""

import pandas as pd

#: Report 000, figure 1: end of the curves at step 3000 (accuracy over training batches).
PROTOCOL_A = pd.DataFrame(
    [
        ("rnn", 5, 1.00, 0.000),
        ("rnn", 7, 0.998, 0.004),
        ("rnn", 9, 1.00, 0.000),
        ("rnn", 11, 0.910, 0.231),
        ("rnn", 13, 0.79, 0.545),
        ("rnn", 15, 0.443, 1.45),
        ("rnn", 17, 0.281, 1.85),
        ("rnn", 19, 0.118, 2.213),
        ("rnn", 21, 0.099, 2.313),
        ("lstm", 5, 1.00, None),
        ("lstm", 7, 1.00, None),
        ("lstm", 9, 1.00, None),
        ("lstm", 11, 1.00, None),
        ("lstm", 13, 1.00, None),
        ("lstm", 15, 0.975, None),
        ("lstm", 17, 1.00, None),
        ("lstm", 19, 0.776, None),
        ("lstm", 21, 0.141, None),
    ],
    columns=["model", "T", "accuracy", "loss"],
)
#: The same figure: the first step at which a mean curve is at 0.99, of the curves that get there.
FIRST_AT_99 = pd.DataFrame(
    [
        ("rnn", 5, 579),
        ("rnn", 7, 619),
        ("rnn", 9, 661),
        ("lstm", 5, 392),
        ("lstm", 7, 619),
        ("lstm", 9, 821),
        ("lstm", 11, 951),
        ("lstm", 13, 1054),
        ("lstm", 15, 1135),
        ("lstm", 17, 1347),
    ],
    columns=["model", "T", "step"],
)

#: Report 001, figures 3 and 6: mean and standard deviation of the accuracy; runs not counted there.
PROTOCOL_B = pd.DataFrame(
    [
        ("rnn", 5, 1.00, 0.0),
        ("rnn", 10, 1.00, 0.0),
        ("rnn", 20, 0.95, 0.03),
        ("rnn", 40, 0.77, 0.17),
        ("rnn", 80, 0.278, 0.037),
        ("rnn", 160, 0.10, 0.03),
        ("lstm", 5, 0.976, None),
        ("lstm", 10, 0.974, None),
        ("lstm", 20, 0.986, None),
        ("lstm", 40, 0.96, 0.03),
        ("lstm", 80, 0.834, 0.10),
        ("lstm", 160, 0.90, 0.10),
    ],
    columns=["model", "T", "accuracy", "std"],
)

#: What the reports say of their own trainings where our runs differ, or where it is no setting of a
#: run. Steps and stops stand in the programs.
PROTOCOLS = {
    "A": {
        "in the report: lengths": "5 to 23 in steps of 2, nine curves",
        "in the report: steps": "3000, or until two losses in a row were equal (program)",
        "in the report: a curve is": "a mean of ten runs over training batches, box of 10",
        "in the report: figures": "report 000, figure 1",
    },
    "B": {
        "in the report: lengths": "as here",
        "in the report: steps": "10,000 at every length",
        "in the report: a curve is": "one run; and a mean over “multiple runs” ± “the std of our "
        "averages”",
        "in the report: figures": "report 001, figures 2 and 3 (RNN), 6 and 7 (LSTM)",
    },
}
