"""MatchSpecs: parse queries over records and match records against them (CEP 29)."""
