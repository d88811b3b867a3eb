"""The study: how long recurrent networks remember, on palindromes and on other tasks.

Imports recurrent.

tasks -> experiment -> growing -> parts -> archive -> outcomes -> analysis -> plots -> widgets
protocols: what the parts of both reports set, as a table
probes -> gate_lesions: trained networks opened; gate_removal: networks that never had a gate
"""
