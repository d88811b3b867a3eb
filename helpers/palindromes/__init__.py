"""The study: how long recurrent networks remember, on palindromes and on other tasks.

Imports recurrent.

tasks -> experiment -> growing -> parts -> archive -> analysis -> plots -> widgets
"""
