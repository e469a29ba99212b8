"""Environment files on disk: environment.yml, lists of specs, explicit lists."""
