"""Link: build the next generation of an environment in a staging directory."""
