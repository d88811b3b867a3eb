"""Workbooks that go with the notebooks: how they are made, and how answers are checked.

Imports combined, graph, optimizers, palindromes, recurrent and text.

    answers         an answer tried on small cases: right, or a hint that fits the mistake
    predictions     a run that is shown only when it was predicted
    workbooks       the student's version made from the one with solutions; a course folder
    on_…            the checks of one workbook each
"""
