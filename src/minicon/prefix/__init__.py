"""One environment on disk: plan a change, apply it, record it, go back.

From low to high, each importing those before it: ``environment`` (as it is on disk), ``plan``
(what will change), ``generations`` (earlier revisions and the switch), ``link`` (build the next
tree), ``scripts`` (packages' own code), and the operations in this directory.
"""
