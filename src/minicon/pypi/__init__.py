"""The built-in source 'pypi': wheels as records and packages, and the bridge to pip."""
