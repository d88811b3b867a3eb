"""Where sequences and graphs meet: the same task in two forms, and networks of both kinds at once.

Imports recurrent, palindromes and graph.

networks, training -> structure, small_graphs, refinement -> serialised, links, neighbours, series,
pedigree -> archive -> reconciled, claims, traps -> plots -> widgets. Apart: gated, pictures;
drawings shows what needs no runs.
"""
