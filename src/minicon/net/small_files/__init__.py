"""Many small files from few servers over kept-alive connections."""
