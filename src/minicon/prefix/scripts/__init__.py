"""Link scripts: when they run, and what confines them (CEP 34)."""
