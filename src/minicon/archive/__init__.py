"""Archives, read strictly: ``.conda``, ``.tar.bz2`` and wheels as streams of checked members."""
