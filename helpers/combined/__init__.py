"""Where sequences and graphs meet: the same task in two forms, and networks of both kinds at once.

networks, training -> structure, serialised, links, neighbours, series -> study -> plots -> widgets
"""
