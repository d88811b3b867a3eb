"""Where sequences and graphs meet: the same task in two forms, and networks of both kinds at once.

Imports recurrent, palindromes and graph.

networks, training -> structure, small_graphs -> serialised, links, neighbours, series, pedigree
-> archive -> reconciled, claims, traps -> plots -> widgets
"""
